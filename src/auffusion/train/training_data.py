"""The data of a run: one prepared set, or several as if they were one."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from auffusion.data.assembling import PreparedFacts
from auffusion.data.clips import Clip
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.examples import (
    Chosen,
    Latents,
    LiveLatents,
    LiveTexts,
    Rows,
    Texts,
    checked_latents,
    checked_texts,
)
from auffusion.train.latent_cache import LatentCache
from auffusion.train.loop_settings import Precision
from auffusion.train.text_cache import TextCache

T = TypeVar("T")


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


def open_training_data(
    settings: TrainingData, model: AuffusionPipeline, precision: Precision
) -> Examples:
    """The examples of all sets, for a model whose frozen parts compute in a precision.

    Raises:
        InputError: a set or cache is not there, a cache is not of its set or of this model, or a
            split is empty.
    """
    sets = (settings, *settings.more)
    data = JoinedData([PreparedData(one.folder) for one in sets])
    latents = [
        checked_latents(LatentCache(one.latents), part, model) if one.latents else None
        for part, one in zip(data.parts, sets, strict=True)
    ]
    texts = [
        checked_texts(TextCache(one.text), part, model) if one.text else None
        for part, one in zip(data.parts, sets, strict=True)
    ]
    clips: dict[int, str] = {}
    for part, one, start in zip(data.parts, sets, data.starts, strict=True):
        clips |= {start + number: name for number, name in clips_of(part, one.split).items()}
    return Examples(
        latents=_JoinedLatents(latents, LiveLatents(data, model, precision), data),
        texts=_JoinedTexts(texts, LiveTexts(data, model, precision), data),
        clips=clips,
        facts=tuple(part.facts for part in data.parts),
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


class JoinedData:
    """Several sets as one; numbers go on from one to the next."""

    def __init__(self, parts: Sequence[PreparedData]) -> None:
        self.parts = parts
        self.starts = [0, *accumulate(map(len, parts))][:-1]

    def place(self, number: int) -> tuple[int, int]:
        """(set, number in it) of a clip."""
        return _place(number, self.starts)

    def clip(self, number: int) -> Clip:
        """What is known of a clip."""
        part, own = self.place(number)
        return self.parts[part].clip(own)

    def samples(self, number: int) -> NDArray[np.int16]:
        """Its sound."""
        part, own = self.place(number)
        return self.parts[part].samples(own)


class _JoinedLatents:
    """Each set's from its cache; those of sets without one are encoded together."""

    def __init__(
        self, caches: Sequence[LatentCache | None], live: LiveLatents, data: JoinedData
    ) -> None:
        self._caches, self._live, self._data = caches, live, data

    def draw(
        self, clips: Sequence[int], rngs: Sequence[np.random.Generator]
    ) -> Sequence[NDArray[np.float32]]:
        cached: list[NDArray[np.float32] | None] = []
        for clip, rng in zip(clips, rngs, strict=True):
            part, own = self._data.place(clip)
            cache = self._caches[part]
            cached.append(None if cache is None else cache.draw(own, rng))
        return _filled(
            cached,
            lambda slots: self._live.draw([clips[s] for s in slots], [rngs[s] for s in slots]),
        )


class _JoinedTexts:
    """Each set's from its cache; those of sets without one are encoded together."""

    def __init__(
        self, caches: Sequence[TextCache | None], live: LiveTexts, data: JoinedData
    ) -> None:
        self._caches, self._live, self._data = caches, live, data

    def captions(self, clip: int) -> int:
        part, own = self._data.place(clip)
        cache = self._caches[part]
        return self._live.captions(clip) if cache is None else cache.captions(own)

    def rows(self, chosen: Chosen) -> Sequence[Rows]:
        cached: list[Rows | None] = []
        for clip, which in chosen:
            part, own = self._data.place(clip)
            cache = self._caches[part]
            cached.append(None if cache is None else cache.rows(own, which))
        return _filled(cached, lambda slots: self._live.rows([chosen[slot] for slot in slots]))

    def silent(self) -> Rows:
        first = self._caches[0]
        if first is None:
            return self._live.silent()
        # The cache keeps it behind the last clip.
        return first.rows(len(first), 0)


def _filled(cached: Sequence[T | None], live: Callable[[list[int]], Sequence[T]]) -> list[T]:
    """What the caches had, and in the other slots what is made for all of them together."""
    missing = [slot for slot, one in enumerate(cached) if one is None]
    fresh = dict(zip(missing, live(missing), strict=True)) if missing else {}
    return [fresh[slot] if one is None else one for slot, one in enumerate(cached)]


def _place(clip: int, starts: Sequence[int]) -> tuple[int, int]:
    """(set, number in it) of a clip.

    >>> _place(4, [0, 3, 9])
    (1, 1)
    """
    part = bisect_right(starts, clip) - 1
    return part, clip - starts[part]
