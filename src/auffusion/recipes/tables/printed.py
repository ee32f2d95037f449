"""Scores beside those that the paper prints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from auffusion.evaluate.bootstrap import Interval
from auffusion.evaluate.comparing import Comparison
from auffusion.evaluate.result import Result, ScoreResult
from auffusion.evaluate.tables import Cell, Table
from auffusion.recipes.tables.recipe import TableRecipe

_DIGITS = 2
"""Behind the point, as the paper has them."""


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A number of the paper and ours."""

    paper: float
    """What is printed."""
    ours: float
    """What was measured."""
    interval: Interval | None
    """Of ours; it says nothing of the paper's run."""
    spread: float
    """How far runs of the paper lie apart, where that is known; else 0."""

    @property
    def difference(self) -> float:
        """Ours minus the paper's."""
        return self.ours - self.paper

    @property
    def reproduced(self) -> bool | None:
        """Whether the paper's number, give or take the spread of its runs, lies in our interval."""
        if self.interval is None:
            return None
        low, high = self.interval.low - self.spread, self.interval.high + self.spread
        return low <= self.paper <= high

    def told(self) -> str:
        """The number, the difference and its interval.

        >>> Printed(paper=23.08, ours=23.39, interval=None, spread=0.4).told()
        '23.08 (+0.31)'
        """
        ends = ""
        if self.interval is not None:
            low, high = self.interval.low - self.paper, self.interval.high - self.paper
            ends = f" [{low:+.{_DIGITS}f}, {high:+.{_DIGITS}f}]"
        return f"{self.paper:.{_DIGITS}f} ({self.difference:+.{_DIGITS}f}{ends})"

    def to_data(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "paper": self.paper,
            "ours": self.ours,
            "difference": self.difference,
            "interval": None if self.interval is None else asdict(self.interval),
            "spread": self.spread,
            "reproduced": self.reproduced,
        }


def printed_beside(
    recipe: TableRecipe, of: str, results: Mapping[str, Result]
) -> dict[str, dict[str, Printed]]:
    """For each system of a list that the paper prints numbers of, each score beside them."""
    found: dict[str, dict[str, Printed]] = {}
    for name, result in results.items():
        numbers = recipe.rows[name].paper.get(of, ())
        known = dict(zip(recipe.printed, numbers, strict=False))
        beside = {
            score.name: _beside(recipe, score, known[score.name])
            for score in result.scores
            if score.name in known
        }
        if beside:
            found[result.system] = beside
    return found


def with_printed(
    table: Table, comparison: Comparison, beside: Mapping[str, Mapping[str, Printed]]
) -> Table:
    """A table of scores, below each system the paper's numbers and what ours differ by."""
    rows: list[tuple[Cell, ...]] = []
    names = [score.name for score in comparison.scores]
    for row in table.rows:
        rows.append(row)
        known = beside.get(row[0].text)
        if known is not None:
            told = [known[name].told() if name in known else "-" for name in names]
            rows.append((Cell(text="  paper (ours - paper)"), *(Cell(text=one) for one in told)))
    return Table(columns=table.columns, rows=tuple(rows))


def _beside(recipe: TableRecipe, score: ScoreResult, paper: float) -> Printed:
    spread = recipe.spread.get(score.name, 0.0)
    return Printed(paper=paper, ours=score.value, interval=score.interval, spread=spread)
