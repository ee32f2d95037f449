"""Diversity: how different generated clips are from each other.

Conventions
-----------
Rows are embeddings of clips of one system, in float64. A model that always makes the same sound
has a diversity of 0, whatever its other scores.

Metrics
-------
* `diversity`: mean over pairs of different clips of 1 - cosine.
* `distances`: of each pair.
"""

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from auffusion.evaluate.rows import as_rows, unit_rows


def distances(rows: ArrayLike) -> Float64[np.ndarray, "row row"]:
    """1 - cosine of each pair of clips; 0 on the diagonal.

    Raises:
        InputError: fewer than two clips, NaN, infinite or zero embeddings.
    """
    known = unit_rows(as_rows(rows, "the embeddings", least=2), "the embeddings")
    apart = (1.0 - known @ known.T).clip(min=0.0)
    np.fill_diagonal(apart, 0.0)
    return apart


def diversity(rows: ArrayLike) -> float:
    """Mean of 1 - cosine over pairs of different clips.

    >>> diversity([[1.0, 0.0], [0.0, 2.0]]), diversity([[1.0, 0.0], [3.0, 0.0]])
    (1.0, 0.0)

    Raises:
        InputError: as for `distances`.
    """
    apart = distances(rows)
    count = len(apart)
    return float(apart.sum() / (count * (count - 1)))
