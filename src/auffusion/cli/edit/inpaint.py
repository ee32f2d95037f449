"""`auffusion edit inpaint`: parts of a recording made anew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import typer

from auffusion.cli import options
from auffusion.cli.edit.repainted import (
    FadeOption,
    Prompt,
    RepaintEdit,
    RoundsOption,
    numbers,
    run_repaint,
)
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Inpaint(RepaintEdit):
    """Make intervals and boxes anew."""

    kind: ClassVar[str] = "inpaint"

    intervals: tuple[tuple[float, float], ...]
    """Seconds from and to."""
    boxes: tuple[tuple[float, float, float, float], ...]
    """Seconds from and to, Hz from and to."""
    strength: float
    """1 begins with noise alone."""
    fade_s: float
    """Seconds of a cross-fade."""

    def repainted(self, method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """The edited recording."""
        return method(
            "inpaint",
            intervals=self.intervals,
            boxes=self.boxes,
            strength=self.strength,
            fade_s=self.fade_s,
        )


@with_shared_options
def inpaint(
    recording: options.Recording,
    prompt: Prompt = "",
    interval: Annotated[
        list[str] | None,
        typer.Option(
            help="Seconds to make anew, as in 2.5:7.5; may be given several times.",
            metavar="FROM:TO",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            help="Seconds and Hz to make anew, as in 1:2:500:4000; may be given several times.",
            metavar="FROM:TO:LOW:HIGH",
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            help="1 begins with noise alone; less keeps an outline of what was there.",
            metavar="NUMBER",
        ),
    ] = 1.0,
    fade: FadeOption = 0.02,
    rounds: RoundsOption = 1,
    *,
    shared: Shared,
) -> None:
    """Make parts of a recording anew, to fit what is around them.

    All that lies outside of the intervals stays: rate, channels and every sample. Of a box, the
    other frequencies stay too. The cross-fades lie within.
    """
    if not interval and not box:
        raise InputError("nothing is to be made anew: give --interval or --box")
    intervals = [numbers("--interval", text, 2, "2.5:7.5") for text in interval or []]
    boxes = [numbers("--box", text, 4, "1:2:500:4000") for text in box or []]
    edit = Inpaint(
        intervals=cast("tuple[tuple[float, float], ...]", tuple(intervals)),
        boxes=cast("tuple[tuple[float, float, float, float], ...]", tuple(boxes)),
        strength=strength,
        fade_s=fade,
        rounds=rounds,
    )
    run_repaint(edit, recording, prompt, shared)
