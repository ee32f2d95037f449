"""What the commands inpaint, extend, loop and upsample have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from auffusion.cli.edit.edit import Outcome
from auffusion.cli.edit.shared import Shared
from auffusion.cli.plan import PlannedSound
from auffusion.errors import InputError
from auffusion.studio.settings import Settings

if TYPE_CHECKING:
    from auffusion.cli.edit.source import Source
    from auffusion.image import Mark, Panel
    from auffusion.pipeline.edited import EditedRecording

Prompt = Annotated[
    str,
    typer.Argument(
        help="What to hear there; without it the model goes by the rest of the recording.",
        metavar="PROMPT",
        show_default=False,
    ),
]
RoundsOption = Annotated[
    int,
    typer.Option(
        "--rounds",
        help="How often each step is made: with more, what is new fits what is around it better, "
        "above all without a prompt; needs --scheduler ddim, ddpm, euler, euler-a or lcm.",
    ),
]
FadeOption = Annotated[float, typer.Option("--fade", help="Seconds of a cross-fade.")]


@dataclass(frozen=True, kw_only=True)
class RepaintEdit(ABC):
    """An edit that makes regions of a recording anew and keeps its other samples."""

    kind: ClassVar[str]
    keeps_samples: ClassVar[bool] = True

    rounds: int
    """How often each step is made."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise InputError(f"--rounds is {self.rounds}, expected 1 or more")

    @abstractmethod
    def repainted(self, method: Callable[..., Any]) -> Any:  # noqa: ANN401
        """The edited recording.

        Args:
            method: finds a method of the pipeline by its name, the recording and the settings
                filled in.
        """

    @property
    def begins_s(self) -> float:
        """Where in the result the recording begins."""
        return 0.0

    def notes(self, edited: "EditedRecording") -> dict[str, float | str]:  # noqa: ARG002
        """What was found on the way."""
        return {}

    def predictions(self, steps: int) -> int:
        """Each step in each round, the last one once."""
        return (steps - 1) * self.rounds + 1

    def apply(
        self,
        pipeline: Any,  # noqa: ANN401
        settings: Settings,
        source: "Source | None",
        on_step: Callable[..., Any],
    ) -> Outcome:
        """Make the sound."""
        if source is None:
            raise InputError(f"{self.kind} needs a recording")

        def method(name: str, **options: Any) -> Any:  # noqa: ANN401
            return getattr(pipeline, name)(
                source.channels,
                source.rate,
                settings.prompt or None,
                rounds=self.rounds,
                negative_prompt=settings.negative,
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
                seed=settings.seed,
                on_step=on_step,
                **options,
            )

        edited = self.repainted(method)
        before, after = self._panels(pipeline, settings, source, edited)
        return Outcome(
            channels=edited.audio,
            rate=edited.sampling_rate,
            before=before,
            after=after,
            encoding=source.encoding,
            truncated=edited.truncated,
            notes=self.notes(edited),
        )

    def _panels(
        self,
        pipeline: Any,  # noqa: ANN401
        settings: Settings,
        source: "Source",
        edited: "EditedRecording",
    ) -> "tuple[Panel, Panel]":
        """Recording and result over the same seconds and in the same colours."""
        from auffusion.cli.edit.sound import panel_of
        from auffusion.pipeline.chain import Chain
        from auffusion.pipeline.recording import as_recording

        gain = as_recording(source.channels, source.rate, Chain(pipeline)).gain
        title = f"{self.kind}: {settings.prompt}" if settings.prompt else self.kind
        return (
            panel_of(
                pipeline.mel,
                source.channels,
                source.rate,
                gain=gain,
                title=source.path.name,
                marks=_marks(edited, hatched=True),
                begins_s=self.begins_s,
                seconds=edited.duration_s,
            ),
            panel_of(
                pipeline.mel,
                edited.audio,
                edited.sampling_rate,
                gain=gain,
                title=title,
                marks=_marks(edited, hatched=False),
            ),
        )


def _marks(edited: "EditedRecording", *, hatched: bool) -> "list[Mark]":
    from auffusion.image import Mark

    return [
        Mark(
            start_s=region.start_s,
            end_s=region.end_s,
            low_hz=region.low_hz,
            high_hz=region.high_hz,
            hatched=hatched,
        )
        for region in edited.regions
    ]


def run_repaint(edit: RepaintEdit, recording: Path, prompt: str, shared: Shared) -> None:
    """Make and write one edited recording."""
    from auffusion.cli.edit.job import PlannedEdit, run_edits

    settings = shared.settings(prompt)
    name = f"{recording.stem}_{edit.kind}"
    sound = PlannedSound(name=name, settings=settings)
    run_edits([PlannedEdit(sound=sound, edit=edit)], shared, recording)


def numbers(option: str, text: str, count: int, example: str) -> tuple[float, ...]:
    """Numbers with colons between them.

    >>> numbers("--interval", "2.5:7.5", 2, "2.5:7.5")
    (2.5, 7.5)

    Raises:
        InputError: other than so many numbers.
    """
    try:
        found = tuple(float(part) for part in text.split(":"))
    except ValueError:
        found = ()
    if len(found) != count:
        raise InputError(f"{option} is {text!r}, expected {count} numbers, as in {example}")
    return found
