"""Sounds that are nearly the same, of a million, without comparing all with all.

Fingerprints lie on disk, sorted by length in steps of 30 ms, and within a step by the tilt of
their spectrum: the product with one fixed vector of length 1. Two shapes at a cosine of `c` are
`sqrt(2 - 2 c)` apart and their tilts no further (Cauchy and Schwarz), so that a block is compared
with a stretch of its own step and of the next only, and nothing is missed. Memory holds two
blocks, and eight bytes a sound.

Of each row only the first of its kin is kept: a choir of a thousand equal sounds has half a
million pairs.
"""

from collections.abc import Iterator
from enum import IntEnum
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from auffusion.data.doctor.fingerprint import NEAR_LENGTH, same_course
from auffusion.data.doctor.sorted_prints import OTHER_SET, Prints, SortedPrints
from auffusion.data.doctor.store import Store

_BLOCK = 1024
_PAIRS = 1 << 15
_ROUNDING = 2e-3  # shapes are kept as 16-bit floats


class Kin(IntEnum):
    """Whom a row's sound is nearly that of."""

    COPY = 0
    """An earlier row of its split."""
    SPLIT = 1
    """A row of a split that is judged by."""
    SET = 2
    """A row of another set."""


def find_near(store: Store, *, block: int = _BLOCK) -> None:
    """Remember in the store which rows that are still good are near which."""
    reach = float(np.sqrt(2 - 2 * store.checks.similar)) + _ROUNDING
    with TemporaryFile() as file:
        prints = SortedPrints(store, file)
        mine: tuple[range, Prints] | None = None
        for here, there in _blocks(prints, reach, block):
            if mine is None or mine[0] != here:
                mine = here, prints.read(here)
            _compare(store, mine, (there, prints.read(there)))


def _blocks(prints: SortedPrints, reach: float, size: int) -> Iterator[tuple[range, range]]:
    """(a block, another in which its neighbours may be): each pair of rows in one of them.

    The second begins no earlier than the first; where they overlap, later rows only count.
    """
    cells, tilts = prints.cells, prints.tilts
    first = 0
    while first < len(cells):
        cell = int(cells[first])
        end, next_end = (int(np.searchsorted(cells, one, "right")) for one in (cell, cell + 1))
        for start in range(first, end, size):
            here = range(start, min(start + size, end))
            low, high = float(tilts[here[0]]) - reach, float(tilts[here[-1]]) + reach
            same_end = start + int(np.searchsorted(tilts[start:end], high, "right"))
            beside = tilts[end:next_end]
            left = end + int(np.searchsorted(beside, low))
            right = end + int(np.searchsorted(beside, high, "right"))
            for candidates in (range(start, same_end), range(left, right)):
                for place in range(candidates.start, candidates.stop, size):
                    yield here, range(place, min(place + size, candidates.stop))
        first = end


def _compare(store: Store, mine: tuple[range, Prints], theirs: tuple[range, Prints]) -> None:
    (here, one), (there, other) = mine, theirs
    near = one.shapes @ other.shapes.T > store.checks.similar
    near &= np.abs(one.lengths[:, None] - other.lengths) <= NEAR_LENGTH
    near &= np.arange(there.start, there.stop) > np.arange(here.start, here.stop)[:, None]
    left, right = np.nonzero(near)
    for place in range(0, len(left), _PAIRS):
        a, b = left[place : place + _PAIRS], right[place : place + _PAIRS]
        same = same_course(one.courses[a], other.courses[b])
        _keep(store, one.of(a[same]), other.of(b[same]))


def _keep(store: Store, one: Prints, other: Prints) -> None:
    """Remember for each row of the pairs the first of its kin."""
    for mine, theirs in ((one, other), (other, one)):
        own, foreign = mine.groups != OTHER_SET, theirs.groups == OTHER_SET
        earlier = theirs.numbers < mine.numbers
        for kind, related in (
            (Kin.COPY, own & (mine.groups == theirs.groups) & earlier),
            (Kin.SPLIT, own & (mine.groups < theirs.groups) & ~foreign),
            (Kin.SET, own & foreign),
        ):
            _keep_first(store, kind, mine.numbers[related], theirs.numbers[related])


def _keep_first(
    store: Store, kind: Kin, rows: NDArray[np.int64], others: NDArray[np.int64]
) -> None:
    order = np.lexsort((others, rows))
    found, firsts = np.unique(rows[order], return_index=True)
    store.db.executemany(
        "INSERT INTO kin VALUES (?, ?, ?) ON CONFLICT (number, kind) DO UPDATE SET other = "
        "min(other, excluded.other)",
        [
            (int(row), int(kind), int(other))
            for row, other in zip(found, others[order][firsts], strict=True)
        ],
    )
