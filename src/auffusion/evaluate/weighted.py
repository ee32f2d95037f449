"""Scores as functions of how often each clip counts, with all that the draws share done once.

Each is called with a `Draw` and gives what the plain metric gives of the clips drawn, twice those
that were drawn twice; with every clip once it is the plain metric. Two exceptions, without which a
repeated clip would look like a likeness of two clips: `WeightedKernel` and `WeightedDiversity`
never compare a clip with itself.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Counts, Draw
from auffusion.evaluate.diversity import distances
from auffusion.evaluate.fad_infinity import fad_infinity
from auffusion.evaluate.frechet import Gaussian, GaussianStatistics, nuclear_norm, validate
from auffusion.evaluate.inception import inception_score
from auffusion.evaluate.kernel import SCALE, gaussian_kernel, median_distance, squared_distances
from auffusion.evaluate.rows import OtherRows, Rows, Values, as_rows

_GRAM_LIMIT = 1.5  # rows a feature: of more, 63 % are more than the features


@dataclass(frozen=True, kw_only=True)
class ClipRows:
    """Features of clips, several rows a clip where it was heard in pieces."""

    rows: Float64[np.ndarray, "row feature"]
    """One clip after the other."""
    pieces: Int64[np.ndarray, " clip"]
    """Rows of each clip."""

    @classmethod
    def of(cls, rows: ArrayLike) -> "ClipRows":
        """One row a clip."""
        known = as_rows(rows, "the features")
        return cls(rows=known, pieces=np.ones(len(known), np.int64))

    def __post_init__(self) -> None:
        if int(self.pieces.sum()) != len(self.rows):
            raise InputError(f"{len(self.rows)} rows are not those of {self.pieces.sum()} pieces")

    def weights(self, counts: Counts) -> Counts:
        """How often each row counts."""
        return np.repeat(counts, self.pieces)

    def drawn(self, counts: Counts) -> OtherRows:
        """The rows of the clips drawn, repeated."""
        return np.repeat(self.rows, self.weights(counts), axis=0)


class WeightedMean:
    """Mean of a number a clip, or of all pieces of all clips.

    Args:
        values: of each pair of clips; with pieces, the sum over them.
        pieces: of each clip; None is one.
    """

    def __init__(self, values: Values, pieces: Int64[np.ndarray, " row"] | None = None) -> None:
        self._values = values
        self._pieces = np.ones(len(values), np.int64) if pieces is None else pieces

    def __call__(self, draw: Draw) -> float:
        """The mean of the clips drawn."""
        return float(draw.generated @ self._values / (draw.generated @ self._pieces))


class WeightedFrechet:
    """The Fréchet distance.

    For fewer rows than features all that a draw needs stands in three matrices of products of
    rows: a draw picks its rows and columns there. With counts c, sums w = c / n and K = X Yᵀ, the
    means give ‖μx - μy‖² = wᵀ XXᵀ w + vᵀ YYᵀ v - 2 wᵀ K v, and tr √(Σ₁Σ₂) is the nuclear norm of K
    after double centring, each row scaled by √(c / (n - 1)): c equal rows and one row √c times as
    long have the same singular values.

    Args:
        reference: features.
        generated: features.

    Raises:
        InputError: as for `frechet_distance`.
    """

    def __init__(self, reference: ClipRows, generated: ClipRows) -> None:
        ours, theirs = validate(reference.rows, generated.rows)
        middle = ours.mean(axis=0)  # far from the origin, products lose their digits
        self._sides = (_moved(reference, middle), _moved(generated, middle))
        ours, theirs = (side.rows for side in self._sides)
        self._gram: _Gram | None = None
        if max(len(ours), len(theirs)) <= _GRAM_LIMIT * ours.shape[1]:
            self._gram = _Gram(ours, theirs)

    def __call__(self, draw: Draw) -> float:
        """The distance of the clips drawn."""
        reference, generated = self._sides
        first, second = reference.weights(draw.reference), generated.weights(draw.generated)
        if self._gram is not None:
            return self._gram.distance(first, second)
        return _fitted(reference.rows, first).distance(_fitted(generated.rows, second))


def _moved(clips: ClipRows, origin: Float64[np.ndarray, " feature"]) -> ClipRows:
    return ClipRows(rows=clips.rows - origin, pieces=clips.pieces)


def _fitted(rows: Rows, counts: Counts) -> Gaussian:
    count = int(counts.sum())
    mean = counts @ rows / count
    centred = (rows - mean) * np.sqrt(counts)[:, None]
    return Gaussian.of_statistics(
        GaussianStatistics(count=count, mean=mean, scatter=centred.T @ centred)
    )


class _Gram:
    """Products of all rows with each other."""

    def __init__(self, ours: Rows, theirs: OtherRows) -> None:
        self._ours, self._theirs = ours @ ours.T, theirs @ theirs.T
        self._cross = ours @ theirs.T

    def distance(
        self, first: Int64[np.ndarray, " row"], second: Int64[np.ndarray, " other"]
    ) -> float:
        """The Fréchet distance of rows that count so often."""
        n, m = int(first.sum()), int(second.sum())
        w, v = first / n, second / m
        ours, theirs = float(w @ self._ours @ w), float(v @ self._theirs @ v)
        over_ours, over_theirs = w @ self._cross, self._cross @ v
        both = float(w @ over_theirs)
        shift = ours + theirs - 2.0 * both
        spread = (first @ np.diagonal(self._ours) - n * ours) / (n - 1)
        spread += (second @ np.diagonal(self._theirs) - m * theirs) / (m - 1)
        centred = self._cross - over_theirs[:, None] - over_ours + both
        scaled = centred[np.ix_(first > 0, second > 0)]
        scaled *= np.sqrt(first[first > 0] / (n - 1))[:, None]
        scaled *= np.sqrt(second[second > 0] / (m - 1))
        return max(0.0, float(shift + spread - 2.0 * nuclear_norm(scaled)))


class WeightedKernel:
    """The kernel distance; its bandwidth stays that of all clips.

    Where pairs are drawn, a generated clip meets its own reference, which it is like, twice as
    often as any other one. So these meetings are averaged by themselves, and weigh as much as in
    the score: one in N.

    Args:
        reference: one row a clip.
        generated: one row a clip.
        bandwidth: of the kernel; None is the reference's median distance.
        paired: whether row k of both belongs to one clip.

    Raises:
        InputError: as for `kernel_distance`.
    """

    def __init__(
        self,
        reference: Rows,
        generated: OtherRows,
        bandwidth: float | None = None,
        *,
        paired: bool = False,
    ) -> None:
        ours, theirs = validate(reference, generated)
        width = median_distance(ours) if bandwidth is None else bandwidth
        self._ours = gaussian_kernel(squared_distances(ours, ours), width)
        self._theirs = gaussian_kernel(squared_distances(theirs, theirs), width)
        self._cross = gaussian_kernel(squared_distances(ours, theirs), width)
        self._paired = paired

    def __call__(self, draw: Draw) -> float:
        """The distance of the clips drawn."""
        ours, theirs = draw.reference, draw.generated
        between = self._between(ours, theirs)
        within = _over_pairs(self._ours, ours) + _over_pairs(self._theirs, theirs)
        return SCALE * (within - 2.0 * between)

    def _between(self, ours: Counts, theirs: Counts) -> float:
        count = int(theirs.sum())
        if not self._paired:
            return float(ours @ self._cross @ theirs) / (int(ours.sum()) * count)
        own = float(ours @ np.diagonal(self._cross)) / count
        return own / count + _over_pairs(self._cross, ours) * (1.0 - 1.0 / count)


def _over_pairs(matrix: Float64[np.ndarray, "clip clip"], counts: Counts) -> float:
    """Mean over pairs of different clips, weighted by how often both were drawn."""
    pairs = int(counts.sum()) ** 2 - int(np.square(counts).sum())
    whole = float(counts @ matrix @ counts)
    return (whole - float(np.square(counts) @ np.diagonal(matrix))) / pairs


class WeightedDiversity:
    """Mean distance of pairs of generated clips.

    Args:
        embeddings: one row a clip.

    Raises:
        InputError: as for `diversity`.
    """

    def __init__(self, embeddings: Rows) -> None:
        self._distances = distances(embeddings)

    def __call__(self, draw: Draw) -> float:
        """The diversity of the clips drawn."""
        return _over_pairs(self._distances, draw.generated)


class WeightedInception:
    """The inception score, shuffled and cut as the plain one.

    Args:
        logits: one row a clip.
        splits: parts.
        seed: of the shuffle.
    """

    def __init__(self, logits: Rows, *, splits: int, seed: int) -> None:
        self._logits = logits
        self._splits, self._seed = splits, seed

    def __call__(self, draw: Draw) -> float:
        """The score of the clips drawn."""
        drawn = np.repeat(self._logits, draw.generated, axis=0)
        return inception_score(drawn, splits=self._splits, seed=self._seed).mean


class WeightedFadInfinity:
    """FAD-∞; its subsets are drawn from the rows of the clips drawn.

    Args:
        reference: features.
        generated: features.
        steps: sizes of subsets.
        least: rows of the smallest.
        seed: of the subsets.
    """

    def __init__(
        self, reference: ClipRows, generated: ClipRows, *, steps: int, least: int, seed: int
    ) -> None:
        self._sides = (reference, generated)
        self._steps, self._least, self._seed = steps, least, seed

    def __call__(self, draw: Draw) -> float:
        """The extrapolated distance of the clips drawn."""
        reference, generated = self._sides
        return fad_infinity(
            reference.drawn(draw.reference),
            generated.drawn(draw.generated),
            steps=self._steps,
            least=self._least,
            seed=self._seed,
        ).score
