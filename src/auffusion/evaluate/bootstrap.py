"""Bootstrap: how far a score would move if other clips of the same kind had been measured.

Conventions
-----------
Clips are drawn with replacement, as many as there are; a draw says how often each clip counts.
Draw k depends on the seed, its number k and the number of clips, and on nothing else: scores of
one list of clips are replicated on the same draws, so that the differences of two systems on that
list can be taken replicate by replicate (paired). Of paired sides, a clip is drawn with its
reference.

Metrics
-------
* `replicates`: a score on each draw.
* `interval`: from the replicates, by the method that is named:

  - `percentile`: the replicates' quantiles. Right for means of clips (KL, CLAP score).
  - `centred`: those quantiles moved so that the replicates' mean lies on the estimate. A draw holds
    about 63 % of the clips, and Fréchet distances rise when there are fewer of them, so that the
    replicates of an FD may all lie above the estimate: their spread is of use, their place is not.

  An interval says nothing of the metric's own bias, of other seeds, captions or listeners.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from auffusion.errors import InputError

Counts = Int64[np.ndarray, " _"]
Replicates = Float64[np.ndarray, " replicate"]

FEWEST_CLIPS = 10
"""Of fewer, the draws are too much alike for an interval."""


class Method(StrEnum):
    """How an interval comes from replicates."""

    PERCENTILE = "percentile"
    CENTRED = "centred"


@dataclass(frozen=True, kw_only=True)
class Draw:
    """How often each clip counts; without any draw each counts once."""

    reference: Counts
    """Clips of the reference."""
    generated: Counts
    """Clips that were generated."""


@runtime_checkable
class Statistic(Protocol):
    """A score as a function of how often each clip counts."""

    def __call__(self, draw: Draw) -> float:
        """The score of a draw."""
        ...


@dataclass(frozen=True, kw_only=True)
class Clips:
    """How many clips there are, and whether they are drawn together."""

    reference: int
    """Clips of the reference."""
    generated: int
    """Clips that were generated."""
    paired: bool = True
    """Whether clip k of the one side belongs to clip k of the other."""

    def __post_init__(self) -> None:
        if self.paired and self.reference != self.generated:
            raise InputError(
                f"{self.reference} clips of the reference and {self.generated} generated ones are "
                "no pairs: match them first, or draw them independently"
            )

    def once(self) -> Draw:
        """Every clip once: the estimate's own draw."""
        return Draw(
            reference=np.ones(self.reference, np.int64), generated=np.ones(self.generated, np.int64)
        )

    def draw(self, seed: int, number: int) -> Draw:
        """Draw `number` of a seed."""
        generated = _counts(self.generated, [seed, number])
        other = generated if self.paired else _counts(self.reference, [seed, number, 1])
        return Draw(reference=other, generated=generated)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where the score of other clips would lie."""

    low: float
    """Its lower end."""
    high: float
    """Its upper end."""
    level: float
    """The share of samples whose interval holds the true value, if the clips are a fair sample."""
    method: Method
    """How it was found."""
    replicates: int
    """Draws."""
    seed: int
    """Of the draws."""
    replicate_mean: float
    """Mean over the draws; far from the estimate where the score depends on the number of clips."""
    standard_error: float
    """Standard deviation over the draws."""


def _counts(clips: int, seed: Sequence[int]) -> Counts:
    drawn = np.random.default_rng(seed).integers(clips, size=clips)
    return np.bincount(drawn, minlength=clips).astype(np.int64)


def replicates(statistic: Statistic, clips: Clips, *, count: int, seed: int = 0) -> Replicates:
    """The score on each draw.

    Args:
        statistic: the score.
        clips: of both sides.
        count: draws.
        seed: of the draws.

    Raises:
        InputError: fewer clips than an interval can be made of, or fewer than two draws.
    """
    return np.array(list(iter_replicates(statistic, clips, count=count, seed=seed)), np.float64)


def iter_replicates(
    statistic: Statistic, clips: Clips, *, count: int, seed: int = 0
) -> Iterator[float]:
    """As `replicates`, one at a time."""
    least = min(clips.reference, clips.generated)
    if least < FEWEST_CLIPS:
        raise InputError(
            f"a bootstrap of {least} clips says nothing: give at least {FEWEST_CLIPS} of them, or "
            "ask for no interval"
        )
    if count < 2:
        raise InputError(f"{count} draws make no interval: ask for 2 or more, better 1000")
    for number in range(count):
        yield statistic(clips.draw(seed, number))


def interval(
    estimate: float,
    replicates: ArrayLike,
    *,
    method: Method = Method.PERCENTILE,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of a score, or of a difference of two scores on the same draws.

    >>> found = interval(5.0, np.linspace(9.0, 11.0, 101), method=Method.CENTRED, level=0.9)
    >>> round(found.low, 6), round(found.high, 6), round(found.replicate_mean, 6)
    (4.1, 5.9, 10.0)

    Args:
        estimate: the score of all clips.
        replicates: the score of each draw.
        method: how.
        level: between 0 and 1.
        seed: the draws had, told in the result.

    Raises:
        InputError: fewer than two replicates, some not finite, or no such level.
    """
    values = np.asarray(replicates, np.float64)
    if len(values) < 2 or not np.isfinite(values).all():
        raise InputError("an interval needs at least two replicates, all of them finite")
    if not 0.0 < level < 1.0:
        raise InputError(f"an interval's level is between 0 and 1, not {level}: 0.95 is usual")
    mean = float(values.mean())
    shift = estimate - mean if method is Method.CENTRED else 0.0
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2]) + shift
    return Interval(
        low=float(low),
        high=float(high),
        level=level,
        method=method,
        replicates=len(values),
        seed=seed,
        replicate_mean=mean,
        standard_error=float(values.std(ddof=1)),
    )
