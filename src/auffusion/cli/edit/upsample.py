"""`auffusion edit upsample`: the missing treble of a telephone or an old tape."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.repainted import Prompt, RepaintEdit, RoundsOption, run_repaint
from auffusion.cli.edit.shared import Shared, with_shared_options

if TYPE_CHECKING:
    from auffusion.pipeline.edited import EditedRecording


@dataclass(frozen=True, kw_only=True)
class Upsample(RepaintEdit):
    """Make the bands above a cutoff."""

    kind: ClassVar[str] = "upsample"

    cutoff_hz: float | None
    """Up to where the recording has sound; None finds it."""

    def repainted(self, method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """The edited recording."""
        return method("upsample", cutoff_hz=self.cutoff_hz)

    def notes(self, edited: "EditedRecording") -> dict[str, float | str]:
        """From where on it is new."""
        (region,) = edited.regions
        return {"new_above_hz": float(round(region.low_hz))}


@with_shared_options
def upsample(
    recording: options.Recording,
    prompt: Prompt = "",
    cutoff: Annotated[
        float | None,
        typer.Option(
            help="Up to where the recording has sound. Default: found in its spectrum.",
            metavar="HZ",
        ),
    ] = None,
    rounds: RoundsOption = 1,
    *,
    shared: Shared,
) -> None:
    """Give a band-limited recording its treble back, up to 8 kHz.

    What lies below the cutoff stays as it is. A recording of a low rate comes back at the model's.
    """
    run_repaint(Upsample(cutoff_hz=cutoff, rounds=rounds), recording, prompt, shared)
