"""Several systems under one protocol, on one list: scores beside each other, and their differences.

Two results are compared only where all but the generated sounds is the same: protocol, networks
and their weights, recordings, names, captions. Differences are taken draw by draw, because the
same draws were made for both: what both systems share by having the same easy and hard clips drops
out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Interval, interval
from auffusion.evaluate.result import Result, ScoreResult
from auffusion.evaluate.tables import ARROWS, Cell, Table, number, spread_of, with_interval


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much a system's score differs from the first one's."""

    system: str
    """Whose."""
    score: str
    """Its name."""
    value: float
    """The system's score minus the first one's."""
    interval: Interval | None
    """Of the difference, on shared draws; None where one of them has no draws."""
    better: bool | None
    """Whether it is better, where the interval leaves out zero; else None."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Systems that may be compared."""

    results: tuple[Result, ...]
    """The first is what the others are compared with."""
    differences: tuple[Difference, ...]
    """Of each other system and score."""

    @property
    def scores(self) -> tuple[ScoreResult, ...]:
        """The first system's, which give the columns."""
        return self.results[0].scores

    def to_data(self) -> dict[str, Any]:
        """Plain data: for each system its scores and differences."""
        return {
            "protocol": asdict(self.results[0].protocol),
            "systems": [
                {
                    "system": one.system,
                    "scores": {score.name: _told(score) for score in one.scores},
                }
                for one in self.results
            ],
            "differences": [asdict(one) for one in self.differences],
        }


def compare(results: Sequence[Result]) -> Comparison:
    """Put systems beside each other.

    Args:
        results: two or more; the first is the baseline.

    Raises:
        InputError: fewer than two, two systems of one name, or results that cannot be compared.
    """
    if len(results) < 2:
        raise InputError("a comparison needs at least two results: name two files or more")
    names = [one.system for one in results]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise InputError(
            f"two results are of a system called '{doubled[0]}': name them apart when measuring "
            "(--name)"
        )
    for other in results[1:]:
        _refuse_unlike(results[0], other)
    return Comparison(
        results=tuple(results),
        differences=tuple(
            _difference(results[0], ours, other.system, theirs)
            for other in results[1:]
            for ours, theirs in zip(results[0].scores, other.scores, strict=True)
        ),
    )


def score_table(comparison: Comparison) -> Table:
    """A row a system, a column a score, the best of each column marked; the controls below."""
    columns = tuple(f"{one.title} {ARROWS[one.better]}" for one in comparison.scores)
    best = {one.name: _best(comparison, one) for one in comparison.scores}
    rows = [
        (
            Cell(text=result.system),
            *(
                Cell(
                    text=with_interval(score.value, score.interval),
                    best=score.value == best[score.name],
                )
                for score in result.scores
            ),
        )
        for result in comparison.results
    ]
    return Table(columns=("system", *columns), rows=(*rows, *_control_rows(comparison)))


def _control_rows(comparison: Comparison) -> Iterator[tuple[Cell, ...]]:
    scores = comparison.scores
    for name in dict.fromkeys(name for one in scores for name in one.controls):
        told = [number(s.controls[name]) if name in s.controls else "-" for s in scores]
        shared = all(
            one.controls.get(name) == first.controls.get(name)
            for result in comparison.results
            for one, first in zip(result.scores, scores, strict=True)
        )
        # Shuffled clips are the system's own.
        whose = name if shared else f"{name}, {comparison.results[0].system}"
        yield (Cell(text=f"({whose})"), *(Cell(text=text) for text in told))


def difference_table(comparison: Comparison) -> Table:
    """A row a system, a column a score: what it differs from the first system."""
    first, others = comparison.results[0], comparison.results[1:]
    found = {(one.system, one.score): one for one in comparison.differences}
    rows = [
        (
            Cell(text=f"{other.system} - {first.system}"),
            *(_difference_cell(found[other.system, one.name]) for one in comparison.scores),
        )
        for other in others
    ]
    columns = tuple(f"{one.title} {ARROWS[one.better]}" for one in comparison.scores)
    return Table(columns=("difference", *columns), rows=tuple(rows))


def _difference_cell(one: Difference) -> Cell:
    if one.interval is None:
        return Cell(text=f"{one.value:+.4g}")
    mark = {True: " better", False: " worse", None: ""}[one.better]
    spread = spread_of(one.interval)
    low, high = (number(end, spread) for end in (one.interval.low, one.interval.high))
    told = number(one.value, spread)
    sign = "" if told.startswith("-") else "+"
    return Cell(text=f"{sign}{told} [{low}, {high}]{mark}", best=one.better is True)


def _best(comparison: Comparison, score: ScoreResult) -> float:
    choose = min if score.better == "lower" else max
    return choose(
        one.value
        for result in comparison.results
        for one in result.scores
        if one.name == score.name
    )


def _told(score: ScoreResult) -> dict[str, Any]:
    told = None if score.interval is None else asdict(score.interval)
    return {"value": score.value, "interval": told}


def _difference(first: Result, ours: ScoreResult, system: str, theirs: ScoreResult) -> Difference:
    value = theirs.value - ours.value
    told = _interval(first, ours, theirs, value)
    sure = told is not None and (told.low > 0 or told.high < 0)
    return Difference(
        system=system,
        score=ours.name,
        value=value,
        interval=told,
        better=(value < 0) == (ours.better == "lower") if sure else None,
    )


def _interval(
    first: Result, ours: ScoreResult, theirs: ScoreResult, value: float
) -> Interval | None:
    if ours.replicates is None or theirs.replicates is None or ours.interval is None:
        return None
    drawn = np.array(theirs.replicates) - np.array(ours.replicates)
    told = ours.interval
    return interval(value, drawn, method=told.method, level=told.level, seed=first.seed)


def _refuse_unlike(first: Result, other: Result) -> None:
    for what, of in _MUST_BE_EQUAL.items():
        if of(first) != of(other):
            raise InputError(
                f"{first.system} and {other.system} cannot be compared: they differ in {what}; "
                "measure both alike"
            )


def _draws(result: Result) -> list[tuple[str, int, int, float] | str]:
    return [
        one.name
        if one.interval is None
        else (one.name, one.interval.replicates, one.interval.seed, one.interval.level)
        for one in result.scores
    ]


_MUST_BE_EQUAL: dict[str, Callable[[Result], object]] = {
    "the protocol": lambda one: (one.protocol.name, one.protocol.sha256),
    "the networks or their weights": lambda one: one.extractors,
    "the names of the clips": lambda one: (one.names, one.paired),
    "the recordings": lambda one: (one.reference.list_sha256, one.reference.content_sha256),
    "the captions": lambda one: one.captions_sha256,
    "their scores, or the draws of their intervals": _draws,
}
