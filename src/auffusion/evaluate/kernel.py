"""Kernel audio distance (KAD): how far apart two sets of features are, without assuming Gaussians.

Conventions
-----------
Rows are features of clips, paired or not, in float64. The kernel is exp(-d² / (2s² + 1e-8)) of the
Euclidean distance d, with a bandwidth s.

Metrics
-------
* `kernel_distance`: 100 times the squared maximum mean discrepancy (arXiv 2502.15602, Eqs. 3-6), as
  an unbiased estimate, so that it does not depend on the number of rows and may fall below zero:

      Σ_{i≠j} k(xᵢ, xⱼ) / m(m-1) + Σ_{i≠j} k(yᵢ, yⱼ) / n(n-1) - 2 Σ_{i,j} k(xᵢ, yⱼ) / mn

* `median_distance`: the bandwidth, the median distance of two rows; of an even number the lower
  one, as torch's median. The paper takes it from the reference; its code
  (https://github.com/YoonjinXD/kadtk at 8bda71d) took it from the evaluated set, which can change
  the score by tens of percent: `bandwidth` is therefore to be named.
"""

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.rows import OtherRows, Rows, as_rows, check_same_features

SCALE = 100.0
"""What kadtk multiplies the discrepancy by."""
_EPSILON = 1e-8


def validate(reference: ArrayLike, generated: ArrayLike) -> tuple[Rows, OtherRows]:
    """Both sets of rows in float64.

    Raises:
        InputError: fewer than two rows, different features, NaN or infinite values.
    """
    ours = as_rows(reference, "the reference's features", least=2)
    theirs = as_rows(generated, "the generated clips' features", least=2)
    check_same_features(ours, theirs)
    return ours, theirs


def squared_distances(first: Rows, second: OtherRows) -> Float64[np.ndarray, "row other"]:
    """Squared Euclidean distance of each row of the one to each of the other."""
    # Rows far from the origin would lose their differences to rounding.
    middle = first.mean(axis=0)
    first, second = first - middle, second - middle
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    return (squares - 2.0 * first @ second.T).clip(min=0.0)


def median_distance(rows: ArrayLike) -> float:
    """Median distance of two different rows; of an even number of them the lower middle one.

    >>> median_distance([[0.0], [1.0], [3.0]])
    2.0

    Raises:
        InputError: fewer than two rows, or rows of which most are the same.
    """
    known = as_rows(rows, "the features", least=2)
    pairs = squared_distances(known, known)[np.triu_indices(len(known), k=1)]
    middle = (len(pairs) - 1) // 2
    found = float(np.sqrt(np.partition(pairs, middle)[middle]))
    if found == 0.0:
        raise InputError(
            "half of the clips have the same features, as silence has, so that the kernel has no "
            "width: look at the clips, or take the bandwidth of the other side"
        )
    return found


def gaussian_kernel(
    squares: Float64[np.ndarray, "row other"], bandwidth: float
) -> Float64[np.ndarray, "row other"]:
    """The kernel of squared distances."""
    return np.exp(-squares / (2.0 * bandwidth**2 + _EPSILON))


def kernel_distance(
    reference: ArrayLike, generated: ArrayLike, *, bandwidth: float | None = None
) -> float:
    """Kernel audio distance of two sets of rows.

    Args:
        reference: [row, feature]
        generated: [row, feature]
        bandwidth: s; None is the reference's median distance.

    Raises:
        InputError: as for `validate` and `median_distance`.
    """
    ours, theirs = validate(reference, generated)
    width = median_distance(ours) if bandwidth is None else bandwidth
    within = _mean_of_others(ours, width) + _mean_of_others(theirs, width)
    between = float(gaussian_kernel(squared_distances(ours, theirs), width).mean())
    return SCALE * (within - 2.0 * between)


def _mean_of_others(rows: Rows, width: float) -> float:
    """Mean of the kernel over pairs of different rows."""
    kernel = gaussian_kernel(squared_distances(rows, rows), width)
    count = len(rows)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
