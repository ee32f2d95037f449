"""`auffusion edit restyle`: a recording as the prompt would have it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.edit.edit import Outcome
from auffusion.cli.edit.shared import Shared, with_shared_options
from auffusion.cli.plan import PlannedSound
from auffusion.errors import InputError
from auffusion.studio.settings import Settings

if TYPE_CHECKING:
    from auffusion.cli.edit.source import Source


@dataclass(frozen=True, kw_only=True)
class Restyle:
    """Begin the walk at the noised recording."""

    kind: ClassVar[str] = "restyle"
    keeps_samples: ClassVar[bool] = False

    strength: float
    """0 to 1, the paper's n."""

    def predictions(self, steps: int) -> int:
        """As many steps as the strength leaves."""
        return int(steps * self.strength)

    def apply(
        self,
        pipeline: Any,  # noqa: ANN401
        settings: Settings,
        source: "Source | None",
        on_step: Callable[..., Any],
    ) -> Outcome:
        """Make the sound."""
        from auffusion.cli.edit.sound import before_panel, log_mel_panel

        if source is None:
            raise InputError("restyle needs a recording")
        result = pipeline.restyle(
            source.channels,
            source.rate,
            settings.prompt,
            strength=self.strength,
            negative_prompt=settings.negative,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            seed=settings.seed,
            output_type="pt",
            on_step=on_step,
        )
        return Outcome(
            channels=result.audios.cpu(),
            rate=result.sampling_rate,
            before=before_panel(pipeline, source),
            after=log_mel_panel(
                result.spectrograms, f"strength {self.strength:g}: {settings.prompt}"
            ),
            truncated=result.truncated[0],
        )


@with_shared_options
def restyle(
    recording: options.Recording,
    prompt: options.EditPrompt,
    strength: Annotated[
        list[float] | None,
        typer.Option(
            help="0 leaves the recording nearly as it is, 1 leaves nothing of it (the paper's n); "
            "may be given several times. Default: 0.5.",
            metavar="NUMBER",
        ),
    ] = None,
    *,
    shared: Shared,
) -> None:
    """Turn a recording into what the prompt says, more or less.

    The result is a sound of the model, in one channel and at its rate, as long and as loud as the
    recording. Several strengths give a file each and one picture of all; a strength gives the same
    samples alone as among others.
    """
    from auffusion.cli.edit.job import PlannedEdit, run_edits

    strengths = strength or [0.5]
    for one in strengths:
        if not 0 <= one <= 1:
            raise InputError(f"--strength is {one}, expected 0 to 1")
    if len(set(strengths)) < len(strengths):
        raise InputError("--strength has the same number twice: give each once")
    settings, stem = shared.settings(prompt), f"{recording.stem}_restyle"
    several = len(strengths) > 1
    planned = [
        PlannedEdit(
            sound=PlannedSound(name=f"{stem}_{one:g}" if several else stem, settings=settings),
            edit=Restyle(strength=one),
        )
        for one in strengths
    ]
    run_edits(planned, shared, recording)
