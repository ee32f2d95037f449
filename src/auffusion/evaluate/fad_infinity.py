"""FAD-∞: the Fréchet distance that infinitely many clips would have.

Conventions
-----------
Rows are features of pieces of clips, in float64. The reference's statistics stay whole; those of
the generated side come from growing random subsets. Every draw depends on the seed alone.

Metrics
-------
* `fad_infinity`: the distances of subsets of n rows are fitted by a + b / n, and a is the score
  (arXiv 1911.07023 for images; arXiv 2311.01616 and https://github.com/microsoft/fadtk for sound,
  where 25 sizes from 500 to all rows are drawn with replacement, without a seed). R² says how well
  that line fits: where it is low, the number should not be believed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.frechet import Gaussian, validate


@dataclass(frozen=True, kw_only=True)
class FadInfinity:
    """A line through Fréchet distances of subsets."""

    score: float
    """Its value at 1/n = 0."""
    slope: float
    """What a row less costs: b."""
    r_squared: float
    """How much of the distances' variance the line explains."""
    standard_error: float
    """Of the score, by the residuals of the line."""
    sizes: tuple[int, ...]
    """Rows of the subsets."""
    distances: tuple[float, ...]
    """Their Fréchet distances."""


def fad_infinity(
    reference: ArrayLike,
    generated: ArrayLike,
    *,
    steps: int = 25,
    least: int = 500,
    seed: int = 0,
) -> FadInfinity:
    """Extrapolate the Fréchet distance to infinitely many generated rows.

    Args:
        reference: [row, feature]
        generated: [row, feature]
        steps: sizes of subsets.
        least: rows of the smallest.
        seed: of the draws.

    Raises:
        InputError: as for `frechet_distance`; also fewer than 3 sizes, or no more rows than the
            smallest subset has.
    """
    ours, theirs = validate(reference, generated)
    if steps < 3 or not 2 <= least < len(theirs):
        raise InputError(
            f"FAD-∞ draws {steps} subsets of {least} to {len(theirs)} rows: expected at least 3 of "
            f"them and more than {least} rows; give more clips or smaller subsets"
        )
    whole = Gaussian.of_rows(ours)
    sizes = [int(size) for size in np.linspace(least, len(theirs), steps)]
    generator = np.random.default_rng(seed)
    found = [
        whole.distance(Gaussian.of_rows(theirs[generator.integers(len(theirs), size=size)]))
        for size in sizes
    ]
    return _line(sizes, found)


def _line(sizes: list[int], found: list[float]) -> FadInfinity:
    """Least squares of the distances over 1/n."""
    x, y = 1.0 / np.array(sizes), np.array(found)
    across = x - x.mean()
    slope = float(across @ y / (across @ across))
    score = float(y.mean() - slope * x.mean())
    residual = float(np.square(y - score - slope * x).sum())
    total = float(np.square(y - y.mean()).sum())
    variance = residual / (len(x) - 2)
    error = np.sqrt(variance * (1.0 / len(x) + x.mean() ** 2 / (across @ across)))
    return FadInfinity(
        score=score,
        slope=slope,
        r_squared=1.0 - residual / total if total else 1.0,
        standard_error=float(error),
        sizes=tuple(sizes),
        distances=tuple(found),
    )
