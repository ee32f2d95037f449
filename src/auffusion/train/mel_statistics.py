"""Mean and standard deviation of a whole data set's log-mel values (paper §3.2).

Summed in double precision: of two hundred million values the mean must not drift.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from auffusion.data.blocks import Block, BlockReader
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.executor.contract import Executor
from auffusion.mel import MelConfig, MelSpectrogram, normalise_peak
from auffusion.train.caching import OnBlock, compute_cache

_SUMS = "sums"


@dataclass(frozen=True, kw_only=True)
class MelStatistics:
    """Of all log-mel values of a split."""

    mean: float
    """Their mean."""
    deviation: float
    """Their standard deviation."""
    values: int
    """How many there are."""


@dataclass(frozen=True, kw_only=True)
class MakeMelComputer:
    """Opens the data; sent to every process."""

    beyond: ClassVar[int] = 0
    data: Path
    """A prepared data set."""
    mel: MelConfig = field(default_factory=MelConfig)
    """The front-end."""

    def __call__(self) -> "MelComputer":
        """A computer with a front-end of its own."""
        return MelComputer(self)


class MelComputer:
    """Clips to the number, mean and sum of squared deviations of their log-mel values."""

    def __init__(self, job: MakeMelComputer) -> None:
        self._data = PreparedData(job.data)
        self._config = job.mel
        self._mel = MelSpectrogram(job.mel)

    @property
    def about(self) -> dict[str, Any]:
        """The front-end."""
        return {"kind": "mel-statistics", "mel": asdict(self._config)}

    def told(self, clip: int) -> object:
        """The hash of its samples."""
        return self._data.clip(clip).sha256

    def compute(self, clips: Sequence[int]) -> Block:
        """`sums` float64 [clip, 3]."""
        sums = np.array([self._sums(clip) for clip in clips], np.float64)
        return Block(arrays={_SUMS: sums}, starts=list(range(len(clips) + 1)))

    def _sums(self, clip: int) -> tuple[float, float, float]:
        samples = torch.from_numpy(self._data.samples(clip)).float()[None] / 32768
        short = self._config.minimum_samples - samples.shape[-1]
        values = self._mel(normalise_peak(F.pad(samples, (0, max(0, short))))).double()
        mean = values.mean()
        return values.numel(), float(mean), float((values - mean).square().sum())


def mel_statistics(
    job: MakeMelComputer,
    split: str,
    work: Path,
    executor: Executor,
    on_block: OnBlock = lambda _: None,
) -> MelStatistics:
    """Measure a split of a data set, or finish what an earlier run began.

    Args:
        job: data and front-end.
        split: `train`, `validation` or `test`.
        work: folder that keeps the sums of every clip, so that a run can go on.
        executor: who does the work.
        on_block: told of every block as it is done.

    Raises:
        InputError: no such data, no clip in the split, another run works there, a full disk.
    """
    data = PreparedData(job.data)
    clips = data.of_split(split)
    if not clips:
        raise InputError(f"{job.data} has no clip in the split {split!r}")
    compute_cache(job, work, executor, on_block)
    blocks = BlockReader(work)
    count, mean, squares = 0.0, 0.0, 0.0
    for clip in clips:
        # Chan, Golub and LeVeque 1979: two sets' sums to those of both.
        n, own, own_squares = blocks.rows(clip, _SUMS)[0]
        step = own - mean
        squares += own_squares + step * step * count * n / (count + n)
        mean += step * n / (count + n)
        count += n
    return MelStatistics(mean=float(mean), deviation=math.sqrt(squares / count), values=int(count))
