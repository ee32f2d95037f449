"""What the commands swap, refine and reweight have in common: options, and how they are run."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from auffusion.cli import options
from auffusion.cli.choices import Inversion
from auffusion.cli.edit.edit import Outcome
from auffusion.cli.edit.shared import Shared
from auffusion.cli.plan import PlannedSound, slug
from auffusion.errors import InputError
from auffusion.studio.settings import Settings

if TYPE_CHECKING:
    from auffusion.cli.edit.source import Source

Bound = int | float
"""A step when it is a whole number, a share of them if not."""
WordWindow = tuple[str | int, Bound, Bound]
"""A word, by itself or by its index, and its window."""

_NUMBERS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(,[+-]?(\d+\.?\d*|\.\d+))*")

CrossSteps = Annotated[
    list[str] | None,
    typer.Option(
        "--cross-steps",
        help="How long the attention to words is the source's: a share of the steps (0.8), a "
        "number of them (20), from and to (0.2:0.6), or one of these for a single word "
        "(barking=0.3); may be given several times. Default: 0.8.",
        metavar="STEPS",
    ),
]
SelfSteps = Annotated[
    str,
    typer.Option(
        "--self-steps",
        help="How long the sound's attention to itself is the source's, in the same way.",
        metavar="STEPS",
    ),
]
Local = Annotated[
    bool, typer.Option("--local", help="Keep the source where no changed word is attended to.")
]
Threshold = Annotated[
    float,
    typer.Option(help="Of --local: share of the largest attention that counts.", metavar="SHARE"),
]
OfRecording = Annotated[
    Path | None,
    typer.Option(
        "--recording",
        help="Edit this file, which the first PROMPT describes, in place of a made sound.",
        metavar="FILE",
    ),
]
HowInverted = Annotated[
    Inversion,
    typer.Option(
        "--inversion",
        help="How a recording is walked back: ddpm is exact, null-text close and slow, ddim "
        "without guidance.",
    ),
]
Strength = Annotated[
    float,
    typer.Option(
        help="Of a recording: the part of the walk that is walked, above 0 to 1; the less, the "
        "more is kept.",
        metavar="NUMBER",
    ),
]


@dataclass(frozen=True, kw_only=True)
class WordEdit(ABC):
    """An edit by words: a source prompt, and for how long its attention is kept."""

    kind: ClassVar[str]
    keeps_samples: ClassVar[bool] = False

    source: str
    """The prompt of the source."""
    cross: tuple[Bound, Bound]
    """The window of cross-attention."""
    word_windows: tuple[WordWindow, ...]
    """Words with a window of their own."""
    own: tuple[Bound, Bound]
    """The window of self-attention."""
    local: bool
    """Whether the source is kept where no changed word is attended to."""
    threshold: float
    """Of the local blend."""
    inversion: str | None
    """How a recording is walked back; None without one."""
    strength: float
    """The part of the walk that is walked, of a recording."""

    @abstractmethod
    def edited(self, pipeline: Any, settings: Settings, **options: Any) -> Any:  # noqa: ANN401
        """The pipeline's output for the source and this edit."""

    def predictions(self, steps: int) -> int:
        """The walk of the edit, and those of an inversion."""
        walks = {None: 0, "ddim": 2, "ddpm": 2, "null-text": 3}[self.inversion]
        return steps + walks * max(1, int(steps * self.strength))

    def apply(
        self,
        pipeline: Any,  # noqa: ANN401
        settings: Settings,
        source: "Source | None",
        on_step: Callable[..., Any],
    ) -> Outcome:
        """Make the sound."""
        from auffusion.cli.edit.changes import changed_marks
        from auffusion.cli.edit.sound import before_panel, log_mel_panel

        options, notes = self._options(), dict[str, float | str]()
        if source is None:
            options |= {
                "negative_prompt": settings.negative,
                "audio_length_in_s": settings.length_s,
                "num_inference_steps": settings.steps,
                "guidance_scale": settings.guidance,
                "seed": settings.seed,
            }
        else:
            options["inversion"] = found = self._inverted(pipeline, settings, source, on_step)
            notes["recording"] = str(found.error)
        result = self.edited(pipeline, settings, output_type="pt", on_step=on_step, **options)
        made, edited = result.spectrograms
        before = log_mel_panel(made, self.source)
        if source is not None:
            before = before_panel(pipeline, source)
        marks = changed_marks(made, edited, pipeline.mel)
        return Outcome(
            channels=result.audios[1:].cpu(),
            rate=result.sampling_rate,
            before=before,
            after=log_mel_panel(edited, self.title(settings), marks),
            truncated=result.truncated[1],
            notes=notes,
        )

    def title(self, settings: Settings) -> str:
        """Above the edit's picture."""
        return settings.prompt

    def _options(self) -> dict[str, Any]:
        cross: Any = self.cross
        if self.word_windows:
            cross = {"default_": cross} | {word: (a, b) for word, a, b in self.word_windows}
        return {
            "cross_replace_steps": cross,
            "self_replace_steps": self.own,
            "local_blend": self.local,
            "blend_threshold": self.threshold,
        }

    def _inverted(
        self,
        pipeline: Any,  # noqa: ANN401
        settings: Settings,
        source: "Source",
        on_step: Callable[..., Any],
    ) -> Any:  # noqa: ANN401
        return pipeline.invert(
            source.channels,
            source.rate,
            self.source,
            method=self.inversion,
            negative_prompt=settings.negative,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            strength=self.strength,
            seed=settings.seed,
            on_step=on_step,
        )


@dataclass(frozen=True, kw_only=True)
class WordOptions:
    """What the three commands are told alike."""

    length: options.Length = None
    cross: CrossSteps = None
    own: SelfSteps = "0.4"
    local: Local = False
    threshold: Threshold = 0.3
    recording: OfRecording = None
    inversion: HowInverted = Inversion.DDPM
    strength: Strength = 1.0

    def of(self, prompt: str) -> dict[str, Any]:
        """The fields of a `WordEdit` of this source.

        Raises:
            InputError: a window that cannot be read.
        """
        cross, words = (0, 0.8), list[WordWindow]()
        for text in self.cross or []:
            word, equals, window = text.rpartition("=")
            if equals:
                words.append((word_of(word, prompt), *_window(window, "--cross-steps")))
            else:
                cross = _window(window, "--cross-steps")
        return {
            "source": prompt,
            "cross": cross,
            "word_windows": tuple(words),
            "own": _window(self.own, "--self-steps"),
            "local": self.local,
            "threshold": self.threshold,
            "inversion": None if self.recording is None else self.inversion.value,
            "strength": self.strength,
        }

    def run(self, edits: Sequence[tuple[str, WordEdit]], shared: Shared) -> None:
        """Make and write the sound of each edit, given with its prompt.

        Raises:
            InputError: options that contradict each other.
        """
        from auffusion.cli.edit.job import PlannedEdit, run_edits

        if self.recording is not None and self.length is not None:
            raise InputError("a recording has its own length: give --length or --recording")
        source = edits[0][1].source
        stem = slug(source) if self.recording is None else self.recording.stem
        settings = replace(shared.settings(source), length_s=self.length)
        if self.recording is not None and self.inversion is Inversion.DDIM:
            # Guidance would lead it astray, unless it is asked for.
            settings = replace(settings, guidance=settings.guidance or 1.0)
        several = len(edits) > 1
        planned = [
            PlannedEdit(
                sound=PlannedSound(
                    name=f"{stem}_{edit.kind}" + (f"_{number}" if several else ""),
                    settings=replace(settings, prompt=prompt),
                ),
                edit=edit,
            )
            for number, (prompt, edit) in enumerate(edits, start=1)
        ]
        run_edits(planned, shared, self.recording)


def word_of(text: str, prompt: str) -> str | int:
    """A word of a prompt, or its index where no word of the prompt is written so."""
    if text not in prompt.split(" ") and text.isascii() and text.isdigit():
        return int(text)
    return text


def _window(text: str, option: str) -> tuple[Bound, Bound]:
    first, colon, end = text.rpartition(":")
    try:
        return (_bound(first) if colon else 0, _bound(end))
    except ValueError as error:
        raise InputError(
            f"{option} {text!r} is no number of steps: expected a share such as 0.8, a number such "
            "as 20, or from and to, 0.2:0.6"
        ) from error


def _bound(text: str) -> Bound:
    return int(text) if text.strip().isdigit() else float(text)


def read_weights(given: Sequence[str], prompt: str) -> list[Mapping[str | int, float]]:
    """``WORD=WEIGHT`` or ``WORD=WEIGHT,WEIGHT,…`` of several words: an edit for each weight.

    Raises:
        InputError: what is no word and number, or lists of different length.
    """
    lists: dict[str | int, list[float]] = {}
    for text in given:
        word, _, numbers = text.rpartition("=")
        if not word or not _NUMBERS.fullmatch(numbers):
            raise InputError(
                f"{text!r} is no word and its weight: expected WORD=NUMBER, as in chopping=2, or "
                "several numbers, chopping=0,1,2"
            )
        lists[word_of(word, prompt)] = [float(number) for number in numbers.split(",")]
    count = max(map(len, lists.values()))
    if any(len(numbers) not in {1, count} for numbers in lists.values()):
        raise InputError(
            "the words have different numbers of weights: give each one weight, or as many as the "
            "others"
        )
    return [
        {word: numbers[i % len(numbers)] for word, numbers in lists.items()} for i in range(count)
    ]
