"""`auffusion edit extend`: a recording that begins earlier or ends later."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.repainted import Prompt, RepaintEdit, RoundsOption, run_repaint
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Extend(RepaintEdit):
    """Add seconds before and after."""

    kind: ClassVar[str] = "extend"

    before_s: float
    """Seconds before the beginning."""
    after_s: float
    """Seconds behind the end."""
    seam_s: float
    """Seconds of the recording that lead over."""

    @property
    def begins_s(self) -> float:
        """Where in the result the recording begins."""
        return self.before_s

    def repainted(self, method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """The edited recording."""
        return method("extend", before_s=self.before_s, after_s=self.after_s, seam_s=self.seam_s)


@with_shared_options
def extend(
    recording: options.Recording,
    prompt: Prompt = "",
    before: Annotated[
        float, typer.Option(help="Seconds to add before the beginning.", metavar="SECONDS")
    ] = 0.0,
    after: Annotated[
        float, typer.Option(help="Seconds to add behind the end.", metavar="SECONDS")
    ] = 0.0,
    seam: Annotated[
        float,
        typer.Option(
            help="Seconds at an end of the recording that lead over to what is new.",
            metavar="SECONDS",
        ),
    ] = 0.1,
    rounds: RoundsOption = 1,
    *,
    shared: Shared,
) -> None:
    """Let a recording begin earlier or end later.

    The recording stays as it is, but for a cross-fade at an end to which something is added.
    """
    if not before and not after:
        raise InputError("nothing is to be added: give --before or --after")
    edit = Extend(before_s=before, after_s=after, seam_s=seam, rounds=rounds)
    run_repaint(edit, recording, prompt, shared)
