"""Captions that have slipped by a row or three against their sounds.

It happens when a line is lost or doubled on one side of a table (MMAudio's published list is one:
https://github.com/hkchengrex/MMAudio/issues/56), and training then learns nothing, silently.

The witness is the file's name, with its folder and the labels. For row `i` and a shift `k` of one
to three rows either way let `own` be the share of the words that only row `i`'s name has, and not
that of row `i + k`, which its captions hold; and `other` the share of the words that only the
name of row `i + k` has. The row votes for `k` where `other - own` is at least a half, against it
where `own` is greater, and else says nothing: names such as `100032` and neighbours with equal
names are no witness. A run for `k` goes from vote to vote, bears at most three silent rows in
between, and ends at a vote against. It is told where it has at least four votes and these are at
least half of its rows. A row in runs of several shifts belongs to the one with most votes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

SHIFTS = (-3, -2, -1, 1, 2, 3)
_REACH = 3
_CLEARLY = 0.5
_FEWEST_VOTES = 4
_LONGEST_PAUSE = 3


@dataclass(frozen=True, kw_only=True)
class ShiftedRun:
    """Rows whose captions are those of the rows `shift` further on."""

    first: int
    """Number of the first row that votes."""
    last: int
    """Number of the last row that votes."""
    shift: int
    """How far away the names are that the captions fit."""
    votes: int
    """How many rows say so."""


@dataclass(frozen=True)
class _Told:
    caption: frozenset[str]
    name: frozenset[str]


_NOTHING = _Told(frozenset(), frozenset())


@dataclass
class _OpenRun:
    first: int
    last: int
    votes: int = 1


class ShiftDetector:
    """Sees rows in order, seven at a time, and tells the runs as they end."""

    def __init__(self) -> None:
        self._window: deque[_Told] = deque([_NOTHING] * (2 * _REACH + 1), 2 * _REACH + 1)
        self._next = -_REACH  # number of the row in the middle of the window once one more is seen
        self._runs: dict[int, _OpenRun] = {}

    def add(self, caption: frozenset[str], name: frozenset[str]) -> Iterator[ShiftedRun]:
        """See one more row."""
        return self._see(_Told(caption, name))

    def end(self) -> Iterator[ShiftedRun]:
        """See that there are no more."""
        for _ in range(_REACH):
            yield from self._see(_NOTHING)
        for shift in list(self._runs):
            yield from self._close(shift)

    def _see(self, told: _Told) -> Iterator[ShiftedRun]:
        self._window.append(told)
        for shift in SHIFTS:
            vote = _vote(self._window[_REACH], self._window[_REACH + shift])
            yield from self._count(shift, vote)
        self._next += 1

    def _count(self, shift: int, vote: int) -> Iterator[ShiftedRun]:
        run = self._runs.get(shift)
        if run is not None and (vote < 0 or self._next - run.last > _LONGEST_PAUSE + 1):
            yield from self._close(shift)
            run = None
        if vote > 0 and run is None:
            self._runs[shift] = _OpenRun(first=self._next, last=self._next)
        elif vote > 0 and run is not None:
            run.last = self._next
            run.votes += 1

    def _close(self, shift: int) -> Iterator[ShiftedRun]:
        run = self._runs.pop(shift)
        length = run.last - run.first + 1
        if run.votes >= _FEWEST_VOTES and 2 * run.votes >= length:
            yield ShiftedRun(first=run.first, last=run.last, shift=shift, votes=run.votes)


def _vote(row: _Told, beside: _Told) -> int:
    """1 for the row beside, -1 for the row itself, 0 for neither."""
    theirs = beside.name - row.name
    mine = row.name - beside.name
    other, own = _share(theirs, row.caption), _share(mine, row.caption)
    if other - own >= _CLEARLY:
        return 1
    return -1 if own > other else 0


def _share(words: frozenset[str], caption: frozenset[str]) -> float:
    return len(words & caption) / len(words) if words else 0.0
