"""`auffusion edit loop`: a recording that can be played in a circle."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.repainted import (
    FadeOption,
    Prompt,
    RepaintEdit,
    RoundsOption,
    run_repaint,
)
from auffusion.cli.edit.shared import Shared, with_shared_options


@dataclass(frozen=True, kw_only=True)
class Loop(RepaintEdit):
    """Make the junction of end and beginning anew."""

    kind: ClassVar[str] = "loop"

    junction_s: float
    """Seconds, half of them at either end."""
    fade_s: float
    """Seconds of a cross-fade."""

    def repainted(self, method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """The edited recording."""
        return method("loop", junction_s=self.junction_s, fade_s=self.fade_s)


@with_shared_options
def loop(
    recording: options.Recording,
    prompt: Prompt = "",
    junction: Annotated[
        float,
        typer.Option(help="Seconds to make anew, half of them at either end.", metavar="SECONDS"),
    ] = 1.0,
    fade: FadeOption = 0.02,
    rounds: RoundsOption = 1,
    *,
    shared: Shared,
) -> None:
    """Make a sound that can be played in a circle without a seam.

    The recording keeps its length; the junction of its end and its beginning is made anew, and the
    rest stays as it is.
    """
    edit = Loop(junction_s=junction, fade_s=fade, rounds=rounds)
    run_repaint(edit, recording, prompt, shared)
