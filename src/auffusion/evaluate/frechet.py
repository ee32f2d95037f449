"""Fréchet distance of two Gaussians fitted to features: FD and FAD.

Conventions
-----------
Rows are features of clips (FD) or of pieces of clips (FAD), paired or not; all counting is in
float64. Covariances divide by n - 1.

Metrics
-------
* `frechet_distance`: of rows. With means μ and covariances Σ (Dowson & Landau 1982; as a score,
  arXiv 1706.08500 Eq. 6 and, for sound, arXiv 1812.08466):

      ‖μ₁ - μ₂‖² + tr Σ₁ + tr Σ₂ - 2 tr √(Σ₁ Σ₂)

* `gaussian_distance`: the same of statistics that were summed up elsewhere.

The last trace needs no matrix root. With any F of FᵀF = Σ, the eigenvalues of Σ₁Σ₂ are those of
(F₁F₂ᵀ)(F₁F₂ᵀ)ᵀ, so that tr √(Σ₁Σ₂) is the sum of the singular values of F₁F₂ᵀ. For n ≤ D rows, F
are the centred rows themselves, divided by √(n - 1); for more, √λ Vᵀ of the covariance's
eigenvectors.
`scipy.linalg.sqrtm`, which other suites use, returned -287 or -2.9e74 for well-behaved features in
scipy 1.11.4 (https://github.com/scipy/scipy/issues/19415) and is some hundred times slower.

The value depends strongly on the number of rows: compare only sets of the same size.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.rows import OtherRows, Rows, as_rows, check_same_features

Vector = Float64[np.ndarray, " feature"]
Square = Float64[np.ndarray, "feature feature"]
Root = Float64[np.ndarray, "rank feature"]

_NEGATIVE = 1e-6  # of the largest eigenvalue: more below zero than rounding


@dataclass(frozen=True, kw_only=True)
class GaussianStatistics:
    """Mean and covariance of rows, which can be summed up piece by piece."""

    count: int
    """Rows."""
    mean: Vector
    """Their mean."""
    scatter: Square
    """Sum over the rows of the outer product of what they differ from the mean."""

    @classmethod
    def of(cls, rows: ArrayLike) -> "GaussianStatistics":
        """The statistics of some rows.

        >>> GaussianStatistics.of([[0.0], [2.0]]).covariance.tolist()
        [[2.0]]

        Raises:
            InputError: as for `as_rows`.
        """
        known = as_rows(rows, "the features")
        mean = known.mean(axis=0)
        centred = known - mean
        return cls(count=len(known), mean=mean, scatter=centred.T @ centred)

    @classmethod
    def of_pieces(cls, pieces: Iterable[ArrayLike]) -> "GaussianStatistics":
        """The statistics of rows that come in pieces, of which one is in memory at a time.

        Raises:
            InputError: as for `as_rows`, or there is no piece.
        """
        found: GaussianStatistics | None = None
        for piece in pieces:
            found = cls.of(piece) if found is None else found.merged(cls.of(piece))
        if found is None:
            raise InputError("there are no features to sum up: give at least one row")
        return found

    def merged(self, other: "GaussianStatistics") -> "GaussianStatistics":
        """The statistics of both sets of rows together (Chan, Golub & LeVeque 1979).

        Raises:
            InputError: they have different numbers of features.
        """
        check_same_features(self.scatter, other.scatter)
        count = self.count + other.count
        step = other.mean - self.mean
        between = np.outer(step, step) * (self.count * other.count / count)
        return GaussianStatistics(
            count=count,
            mean=self.mean + step * (other.count / count),
            scatter=self.scatter + other.scatter + between,
        )

    @property
    def covariance(self) -> Square:
        """The sum divided by n - 1.

        Raises:
            InputError: there is only one row.
        """
        if self.count < 2:
            raise InputError(f"a covariance needs at least 2 rows, but there are {self.count}")
        return self.scatter / (self.count - 1)


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """A mean, and a covariance FᵀF by its root F."""

    mean: Vector
    root: Root

    @classmethod
    def of_statistics(cls, statistics: GaussianStatistics) -> "Gaussian":
        """By eigenvalues, of which rounding may have put some below zero.

        Raises:
            InputError: fewer than 2 rows, or no covariance of anything.
        """
        values, vectors = np.linalg.eigh(statistics.covariance)
        if values[0] < -_NEGATIVE * max(values[-1], 0.0):
            raise InputError(
                f"the covariance has an eigenvalue of {values[0]:g}, which no rows give: compute "
                "the statistics again"
            )
        root = np.sqrt(values.clip(min=0.0))[:, None] * vectors.T
        return cls(mean=statistics.mean, root=root)

    @classmethod
    def of_rows(cls, rows: Rows) -> "Gaussian":
        """By the shorter way.

        Raises:
            InputError: fewer than 2 rows.
        """
        count, features = as_rows(rows, "the features", least=2).shape
        if count > features:
            return cls.of_statistics(GaussianStatistics.of(rows))
        mean = rows.mean(axis=0)
        return cls(mean=mean, root=(rows - mean) / np.sqrt(count - 1))

    def distance(self, other: "Gaussian") -> float:
        """The squared Fréchet distance; rounding does not take it below zero."""
        shift = float(np.square(self.mean - other.mean).sum())
        spread = float(np.square(self.root).sum() + np.square(other.root).sum())
        return max(0.0, shift + spread - 2.0 * nuclear_norm(self.root @ other.root.T))


def nuclear_norm(matrix: Float64[np.ndarray, "row column"]) -> float:
    """Sum of the singular values."""
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


def validate(reference: ArrayLike, generated: ArrayLike) -> tuple[Rows, OtherRows]:
    """Both sets of rows in float64.

    Raises:
        InputError: fewer than two rows, different features, NaN or infinite values.
    """
    ours = as_rows(reference, "the reference's features", least=2)
    theirs = as_rows(generated, "the generated clips' features", least=2)
    check_same_features(ours, theirs)
    return ours, theirs


def frechet_distance(reference: ArrayLike, generated: ArrayLike) -> float:
    """Fréchet distance of the Gaussians of two sets of rows.

    >>> rows = np.array([[0.0, 1.0], [1.0, 0.0], [3.0, 3.0]])
    >>> round(frechet_distance(rows, rows + 2.0), 9)  # the same shape, two steps of 2 away
    8.0

    Args:
        reference: [row, feature]
        generated: [row, feature]; the number of rows may differ.

    Raises:
        InputError: as for `validate`.
    """
    ours, theirs = validate(reference, generated)
    return Gaussian.of_rows(ours).distance(Gaussian.of_rows(theirs))


def gaussian_distance(reference: GaussianStatistics, generated: GaussianStatistics) -> float:
    """Fréchet distance of two sets of rows of which only the statistics are known.

    Raises:
        InputError: different features, fewer than 2 rows, or no covariance of anything.
    """
    check_same_features(reference.scatter, generated.scatter)
    ours = Gaussian.of_statistics(reference)
    return ours.distance(Gaussian.of_statistics(generated))
