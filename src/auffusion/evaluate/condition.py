"""The state of clips, without any network: silence, clipping, length, rate, channels.

Conventions
-----------
A clip is its samples as they stand in the file, [channel, time], not resampled: cut-off tops are
flat only there. The thresholds are those of the data doctor.

Metrics
-------
* `condition` of a clip: whether it is silent (it never goes further than -60 dB of full scale from
  its middle) or clipped (0.1 % of its samples lie in cut-off tops), its level and its length.
* `summary` of a set: how many clips and which share is silent or clipped; lengths, rates, channels.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.clipping import clipped_share
from auffusion.errors import InputError

_LOWEST_DB = -120.0


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Of one clip."""

    duration_s: float
    """Seconds."""
    sample_rate: int
    """In Hz."""
    channels: int
    """How many."""
    level_db: float
    """Root mean square of all samples in dB of full scale, at least -120."""
    silent: bool
    """Whether nothing can be heard."""
    clipped: bool
    """Whether it was cut off at the top."""


@dataclass(frozen=True, kw_only=True)
class ConditionSummary:
    """Of a set of clips."""

    clips: int
    """How many."""
    silent: int
    """Of them silent."""
    clipped: int
    """Of them clipped."""
    shortest_s: float
    """Length of the shortest clip."""
    median_s: float
    """Median length."""
    longest_s: float
    """Length of the longest clip."""
    level_db: float
    """Median level."""
    rates: Mapping[str, int]
    """Clips of each sample rate in Hz."""
    channels: Mapping[str, int]
    """Clips of each number of channels."""


def validate(samples: Float32[np.ndarray, "channel time"]) -> None:
    """Refuse what is no clip.

    Raises:
        InputError: no channel, no sample, NaN or infinite samples.
    """
    if not samples.size:
        raise InputError("a clip without samples has no condition: remove the file")
    if not np.isfinite(samples).all():
        raise InputError("a clip holds NaN or infinite samples: make it again")


def condition(samples: Float32[np.ndarray, "channel time"], sample_rate: int) -> Condition:
    """The state of one clip.

    >>> condition(np.zeros((1, 16_000), np.float32), 16_000).silent
    True

    Args:
        samples: as they stand in the file, about [-1, 1].
        sample_rate: in Hz.

    Raises:
        InputError: as for `validate`.
    """
    validate(samples)
    limits = Checks()
    channels, frames = samples.shape
    power = float(np.square(samples, dtype=np.float64).mean())
    swing = float((samples.max(axis=1) - samples.min(axis=1)).max()) / 2
    return Condition(
        duration_s=frames / sample_rate,
        sample_rate=sample_rate,
        channels=channels,
        level_db=max(_LOWEST_DB, 10.0 * float(np.log10(max(power, 1e-30)))),
        silent=swing < limits.quietest_peak,
        clipped=max(clipped_share(one) for one in samples) >= limits.clipped_share,
    )


def summary(conditions: Sequence[Condition]) -> ConditionSummary:
    """The state of a set.

    Raises:
        InputError: there is no clip.
    """
    if not conditions:
        raise InputError("there are no clips to sum up: name a folder that has some")
    lengths = [one.duration_s for one in conditions]
    return ConditionSummary(
        clips=len(conditions),
        silent=sum(one.silent for one in conditions),
        clipped=sum(one.clipped for one in conditions),
        shortest_s=min(lengths),
        median_s=float(np.median(lengths)),
        longest_s=max(lengths),
        level_db=float(np.median([one.level_db for one in conditions])),
        rates=_counted(one.sample_rate for one in conditions),
        channels=_counted(one.channels for one in conditions),
    )


def _counted(numbers: Iterable[int]) -> dict[str, int]:
    return {str(number): count for number, count in sorted(Counter(numbers).items())}
