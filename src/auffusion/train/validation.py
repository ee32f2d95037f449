"""Clips that a run does not learn of, by which it is measured and which it plays to people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from auffusion.data.clips import SAMPLE_RATE
from auffusion.data.drawing import crop_start
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel import normalise_peak
from auffusion.shapes import Waveform
from auffusion.train.segments import clips_of_split


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The `[listening]` table of a run that gives sounds back: what it is measured and heard by."""

    split: str = "validation"
    """Of which clips; `train` where there are no others."""
    shown: int = 6
    """How many stand on a page."""
    measured: int = 32
    """How many errors are measured of."""
    seconds: float = 5.0
    """Longest piece of each."""

    def __post_init__(self) -> None:
        if self.shown < 1 or self.measured < 1 or not 0.1 <= self.seconds <= 60:
            raise InputError(
                f"listening.shown is {self.shown}, measured {self.measured} and seconds "
                f"{self.seconds}: choose at least one clip of 0.1 to 60 seconds"
            )


@dataclass(frozen=True, kw_only=True)
class ValidationClip:
    """One of them."""

    name: str
    """Of its files on a page."""
    title: str
    """What can be heard."""
    waveform: Waveform
    """[1, time], at the level that sounds are analysed at."""


def validation_clips(
    data: PreparedData, table: Validation, *, multiple: int, least: int
) -> list[ValidationClip]:
    """The clips that a run is measured by, the same ones at every call.

    Args:
        data: prepared.
        table: which, and how much of them.
        multiple: of samples that a piece is filled up to with silence.
        least: samples that a piece has at least.

    Raises:
        InputError: the split has no clips.
    """
    numbers = clips_of_split(data, table.split)
    count = min(len(numbers), max(table.shown, table.measured))
    # Spread over the split: neighbours are often takes of one sound.
    chosen = [numbers[place * len(numbers) // count] for place in range(count)]
    return [_clip(data, number, table.seconds, multiple, least) for number in chosen]


def means(errors: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each value.

    >>> means([{"a": 1.0}, {"a": 2.0}])
    {'a': 1.5}
    """
    rows = list(errors)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _clip(
    data: PreparedData, number: int, seconds: float, multiple: int, least: int
) -> ValidationClip:
    clip, samples = data.clip(number), data.samples(number)
    first = crop_start(samples, round(seconds * SAMPLE_RATE), np.random.default_rng(number))
    piece = samples[first : first + round(seconds * SAMPLE_RATE)]
    out = np.zeros(-(-max(least, len(piece)) // multiple) * multiple, np.float32)
    out[: len(piece)] = piece / 32768.0
    waveform = normalise_peak(torch.from_numpy(out)[None])
    return ValidationClip(name=clip.id, title=clip.captions[0], waveform=waveform)
