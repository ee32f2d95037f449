"""Retrieval: does a caption find its own sound among all, and a sound its own caption?

Conventions
-----------
A similarity is a matrix [query, item], in which item k is the right one for query k. Queries with
the same label (as captions that occur twice) may find each other's items. Ties count against the
query: a network that finds all items alike has found none of them.

Metrics
-------
* `ranks`: of each query's best right item, from 1.
* `recall_at`: of each query, whether that rank is at most k; the score R@k is the mean.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.rows import Values, as_rows, check_pairs, unit_rows


def similarity(queries: ArrayLike, items: ArrayLike) -> Float64[np.ndarray, "query item"]:
    """Cosine of every query and every item.

    Raises:
        InputError: no pairs, NaN, infinite or zero embeddings.
    """
    ours, theirs = as_rows(queries, "the queries"), as_rows(items, "the items")
    check_pairs(ours, theirs)
    return unit_rows(ours, "the queries") @ unit_rows(theirs, "the items").T


def ranks(
    similarity: Float64[np.ndarray, "query query"], labels: Sequence[Hashable] | None = None
) -> Int64[np.ndarray, " query"]:
    """Rank of each query's best right item: 1 more than the wrong items that are as similar.

    >>> ranks(np.array([[0.9, 0.1], [0.7, 0.2]])).tolist()
    [1, 2]

    Args:
        similarity: of query k and item l.
        labels: of each query and its item; None makes all of them different.

    Raises:
        InputError: there are not as many labels as queries.
    """
    names = list(range(len(similarity))) if labels is None else list(labels)
    if len(names) != len(similarity):
        raise InputError(f"there are {len(names)} labels for {len(similarity)} queries")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    codes = np.array([numbers[name] for name in names])
    right = codes[:, None] == codes[None]
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)
    return 1 + (~right & (similarity >= best)).sum(axis=1)


def recall_at(ranks: Int64[np.ndarray, " query"], k: int) -> Values:
    """1 for each query that has a right item among the k most similar ones, else 0.

    Raises:
        InputError: k is less than 1, or there are no more items than k, so that all would be found.
    """
    if not 1 <= k < len(ranks):
        raise InputError(
            f"R@{k} of {len(ranks)} items says nothing: choose a k from 1 to {len(ranks) - 1}"
        )
    return (ranks <= k).astype(np.float64)
