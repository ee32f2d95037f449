"""Random pieces of prepared clips for a run's steps: what vocoders and autoencoders learn of."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.drawing import Draws, crop_start, generator
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel.spectrogram import PEAK
from auffusion.shapes import Waveform

# Decibels below the peak that a piece is brought to at most; quieter moments stand in every sound.
_QUIETEST = 12.0
# A nearly silent piece is not blown up to the level of a sound.
_FAINTEST = 0.02


@dataclass(frozen=True, kw_only=True)
class SegmentSet:
    """A data set to learn from."""

    folder: Path
    """What `auffusion data prepare` wrote."""
    split: str = "train"
    """Which of its clips."""


@dataclass(frozen=True, kw_only=True)
class SegmentData(SegmentSet):
    """The `[data]` table."""

    more: tuple[SegmentSet, ...] = ()
    """Further sets, each a `[[data.more]]`: all clips of all sets are heard once an epoch."""

    def opened(self) -> list[tuple[PreparedData, str]]:
        """All sets, the first one first, with their splits.

        Raises:
            InputError: one is not there.
        """
        return [(PreparedData(one.folder), one.split) for one in (self, *self.more)]


class Segments:
    """Pieces of the clips of some sets, a function of (seed, step, slot).

    Args:
        sets: prepared data, and the split of each that is learnt from.
        samples: length of a piece.
        batch: pieces of a step, over all processes.
        seed: of the run.

    Raises:
        InputError: a split has no clips.
    """

    def __init__(
        self,
        sets: Sequence[tuple[PreparedData, str]],
        *,
        samples: int,
        batch: int,
        seed: int,
    ) -> None:
        self._sets, self._samples, self._seed = [data for data, _ in sets], samples, seed
        self._numbers = [clips_of_split(data, split) for data, split in sets]
        self._starts = [0, *accumulate(map(len, self._numbers))]
        self._draws = Draws(seed=seed, count=self._starts[-1], batch=batch)

    def draw(self, step: int, slots: range) -> Waveform:
        """The pieces of some slots."""
        return torch.from_numpy(np.stack([self._piece(step, slot) for slot in slots]))

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips they are of."""
        places = [self._place(step, slot) for slot in slots]
        return [data.clip(number).id for data, number in places]

    def randomness(self, step: int, slots: range, purpose: str) -> Iterator[np.random.Generator]:
        """What else is drawn for each slot, for one purpose."""
        return (generator(self._seed, step, slot, purpose) for slot in slots)

    def _place(self, step: int, slot: int) -> tuple[PreparedData, int]:
        """A slot's set, and the clip's number in it."""
        drawn = self._draws.clip(step, slot)
        part = bisect_right(self._starts, drawn) - 1
        return self._sets[part], self._numbers[part][drawn - self._starts[part]]

    def _piece(self, step: int, slot: int) -> NDArray[np.float32]:
        data, number = self._place(step, slot)
        rng = generator(self._seed, step, slot, "crop")
        return random_segment(data.samples(number), self._samples, rng)


def random_segment(
    clip: NDArray[np.int16], length: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A piece of a clip at a random level; a shorter clip lies whole in it, somewhere in silence.

    >>> random_segment(np.ones(100, np.int16), 160, np.random.default_rng(0)).shape
    (160,)
    """
    out = np.zeros(length, np.float32)
    first = crop_start(clip, length, rng)
    piece = np.float32(1 / 32768) * clip[first : first + length]
    at = int(rng.integers(length - len(piece) + 1))
    out[at : at + len(piece)] = piece
    level = PEAK * 10 ** (rng.uniform(-_QUIETEST, 0.0) / 20)
    return out * np.float32(level / max(_FAINTEST, float(np.abs(out).max())))


def clips_of_split(data: PreparedData, split: str) -> range:
    """Numbers of a split's clips.

    Raises:
        InputError: it has none.
    """
    numbers = data.of_split(split)
    if not numbers:
        raise InputError(f"{data.folder} has no clip in the split {split!r}: name another one")
    return numbers
