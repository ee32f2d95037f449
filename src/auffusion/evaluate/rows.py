"""Arrays that metrics take: a row a clip or a piece of one, in float64, checked at the border."""

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from auffusion.errors import InputError

Rows = Float64[np.ndarray, "row feature"]
"""Features of clips, or of pieces of clips."""
OtherRows = Float64[np.ndarray, "other feature"]
"""A second set of them, of another number."""
AnyRows = Float64[np.ndarray, "_ _"]
"""Before it is known whether they belong together."""
Values = Float64[np.ndarray, " row"]
"""A number a clip or a pair of clips."""


def as_rows(rows: ArrayLike, what: str, *, least: int = 1) -> Rows:
    """The rows in float64.

    Args:
        rows: [row, feature], of any kind of number.
        what: they are, for the sentence.
        least: rows that there must be.

    Raises:
        InputError: another shape, fewer rows, no features, NaN or infinite values.
    """
    found = np.asarray(rows, np.float64)
    if found.ndim != 2 or not found.shape[1]:
        raise InputError(
            f"{what} have the shape {found.shape}, expected [row, feature]: give one row a clip"
        )
    if len(found) < least:
        raise InputError(f"{what} have {len(found)} rows, expected at least {least}")
    if not np.isfinite(found).all():
        bad = int(np.argmin(np.isfinite(found).all(axis=1)))
        raise InputError(f"{what} hold NaN or infinite values in row {bad}: look at that clip")
    return found


def check_same_features(reference: AnyRows, generated: AnyRows) -> None:
    """Refuse two sets of rows that come from different networks.

    Raises:
        InputError: the rows have different numbers of features.
    """
    if reference.shape[1] != generated.shape[1]:
        raise InputError(
            f"the reference has {reference.shape[1]} features and the generated clips "
            f"{generated.shape[1]}: compute both with the same network"
        )


def check_pairs(reference: AnyRows, generated: AnyRows) -> None:
    """Refuse rows that are no pairs.

    Raises:
        InputError: different numbers of rows or of features.
    """
    check_same_features(reference, generated)
    if len(reference) != len(generated):
        raise InputError(
            f"the reference has {len(reference)} rows and the generated clips {len(generated)}: "
            "row k of both must belong to the same clip"
        )


def unit_rows(rows: Rows, what: str) -> Rows:
    """The rows, each of length one.

    Raises:
        InputError: a row is zero.
    """
    lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    if not lengths.all():
        raise InputError(
            f"{what} are zero in row {int(np.argmin(lengths))}, which has no direction"
        )
    return rows / lengths
