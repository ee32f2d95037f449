"""The data of a run: one prepared set, or several as if they were one."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auffusion.data.assembling import PreparedFacts
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.examples import Latents, Rows, Texts, open_latents, open_texts
from auffusion.train.latent_cache import LatentCache
from auffusion.train.text_cache import TextCache


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """A data set to learn from."""

    folder: Path
    """What `auffusion data prepare` wrote."""
    split: str = "train"
    """Which of its clips."""
    latents: Path | None = None
    """What `auffusion data cache` wrote as OUTPUT/latents; without, sounds are encoded as they are
    drawn."""
    text: Path | None = None
    """What it wrote as OUTPUT/text; without, captions are encoded as they are drawn."""


@dataclass(frozen=True, kw_only=True)
class TrainingData(TrainingSet):
    """The `[data]` table."""

    more: tuple[TrainingSet, ...] = ()
    """Further sets, each a `[[data.more]]`: all clips of all sets are seen once an epoch."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """What a denoiser draws from."""

    latents: Latents
    """Of the clips, by number."""
    texts: Texts
    """Of the clips, by number."""
    clips: dict[int, str]
    """Numbers and ids of the clips to train on."""
    facts: tuple[PreparedFacts, ...]
    """What each set is."""


def open_training_data(settings: TrainingData, model: AuffusionPipeline) -> Examples:
    """The examples of all sets, for a model.

    Raises:
        InputError: a set or cache is not there, a cache is not of its set or of this model, or a
            split is empty.
    """
    sets = (settings, *settings.more)
    opened = [PreparedData(one.folder) for one in sets]
    starts = [0, *accumulate(map(len, opened))]
    latents = [
        open_latents(data, model, one.latents and LatentCache(one.latents))
        for data, one in zip(opened, sets, strict=True)
    ]
    texts = [
        open_texts(data, model, one.text and TextCache(one.text))
        for data, one in zip(opened, sets, strict=True)
    ]
    clips: dict[int, str] = {}
    for data, one, start in zip(opened, sets, starts, strict=False):
        clips |= {start + number: name for number, name in clips_of(data, one.split).items()}
    return Examples(
        latents=_JoinedLatents(latents, starts),
        texts=_JoinedTexts(texts, starts),
        clips=clips,
        facts=tuple(data.facts for data in opened),
    )


def clips_of(data: PreparedData, split: str) -> dict[int, str]:
    """Numbers and ids of a split's clips.

    Raises:
        InputError: it has none.
    """
    numbers = data.of_split(split)
    if not numbers:
        raise InputError(f"{data.folder} has no clip in the split {split!r}")
    return {number: data.clip(number).id for number in numbers}


class _JoinedLatents:
    """Several sets' latents; numbers go on from one to the next."""

    def __init__(self, parts: Sequence[Latents], starts: Sequence[int]) -> None:
        self._parts, self._starts = parts, starts

    def draw(self, clip: int, rng: np.random.Generator) -> NDArray[np.float32]:
        part, number = _place(clip, self._starts)
        return self._parts[part].draw(number, rng)


class _JoinedTexts:
    """Several sets' captions; numbers go on from one to the next."""

    def __init__(self, parts: Sequence[Texts], starts: Sequence[int]) -> None:
        self._parts, self._starts = parts, starts

    def captions(self, clip: int) -> int:
        part, number = _place(clip, self._starts)
        return self._parts[part].captions(number)

    def rows(self, clip: int, caption: int) -> Rows:
        part, number = _place(clip, self._starts)
        return self._parts[part].rows(number, caption)

    def silent(self) -> Rows:
        return self._parts[0].silent()


def _place(clip: int, starts: Sequence[int]) -> tuple[int, int]:
    """(set, number in it) of a clip.

    >>> _place(4, [0, 3, 9])
    (1, 1)
    """
    part = bisect_right(starts, clip) - 1
    return part, clip - starts[part]
