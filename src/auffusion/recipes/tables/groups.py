"""Table 3's part that needs no listeners: a score by the number of sounds that captions name."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import FEWEST_CLIPS, Clips, Interval, interval, replicates
from auffusion.evaluate.result import Result
from auffusion.evaluate.tables import Cell, Table, with_interval
from auffusion.evaluate.weighted import WeightedMean
from auffusion.recipes.event_count import EventGroup, count_events, event_group, read_corrections
from auffusion.recipes.tables.recipe import TableRecipe
from auffusion.recipes.tables.running import Measured

_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """A system's mean over the clips of a group."""

    clips: int
    """How many."""
    value: float
    """Mean of the score."""
    interval: Interval | None
    """Of the mean; None where there are too few clips."""
    paper: float | None
    """What the paper prints."""


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """A caption and how many sounds it names."""

    of: str
    name: str
    caption: str
    events: int
    corrected: bool


@dataclass(frozen=True, kw_only=True)
class GroupTable:
    """The table of groups."""

    head: str
    """What it is."""
    table: Table
    """A row a system, a column a group."""
    data: Mapping[str, Any]
    """All numbers; also what the paper's listeners said, since ours comes with a study."""
    counts: bytes
    """A CSV file of every caption and how many sounds it names."""


def group_table(recipe: TableRecipe, measured: Measured) -> GroupTable:
    """A score by the number of sounds that captions name, over all lists.

    Raises:
        InputError: the score is none that every clip has, or the corrections cannot be read.
    """
    counted = list(_counted(recipe, measured))
    scores = group_scores(recipe, measured, [event_group(one.events) for one in counted])
    told = {
        system: {group: asdict(score) for group, score in groups.items()}
        for system, groups in scores.items()
    }
    return GroupTable(
        head=f"{recipe.groups.score} by the number of sounds of a caption, all lists together",
        table=_table(scores),
        data={"groups": told, "listeners": _listeners(recipe)},
        counts=_csv(counted),
    )


def group_scores(
    recipe: TableRecipe, measured: Measured, groups: Sequence[EventGroup]
) -> dict[str, dict[str, GroupScore]]:
    """By system and group, `all` among them.

    Args:
        recipe: the table.
        measured: its scores.
        groups: of the items of all lists, one list after the other.

    Raises:
        InputError: the score is none that every clip has.
    """
    found: dict[str, dict[str, GroupScore]] = {}
    for name in next(iter(measured.results.values())):
        values = np.concatenate(
            [_values(recipe, results[name]) for results in measured.results.values()]
        )
        title = recipe.rows[name].title
        printed = _printed(recipe, name)
        found[title] = {}
        for group in (_ALL, *(str(one) for one in EventGroup)):
            chosen = np.array([group in {_ALL, str(one)} for one in groups])
            if chosen.any():
                found[title][group] = _mean(recipe, values[chosen], printed.get(group))
    return found


def _counted(recipe: TableRecipe, measured: Measured) -> Iterator[_Counted]:
    path = recipe.groups.corrections
    corrections = {} if path is None else read_corrections(path)
    for of, items in measured.items.items():
        for item in items:
            known = corrections.get(item.caption)
            yield _Counted(
                of=of,
                name=item.name,
                caption=item.caption,
                events=count_events(item.caption) if known is None else known,
                corrected=known is not None,
            )


def _values(recipe: TableRecipe, result: Result) -> NDArray[np.float64]:
    score = result.score(recipe.groups.score)
    if score is None or score.values is None:
        raise InputError(
            f"{recipe.groups.score} is no score of single clips of the protocol "
            f"{result.protocol.name}: name one by groups.score"
        )
    return np.array(score.values, np.float64)


def _mean(recipe: TableRecipe, values: NDArray[np.float64], paper: float | None) -> GroupScore:
    found = float(values.mean())
    told = None
    if recipe.draws and len(values) >= FEWEST_CLIPS:
        clips = Clips(reference=len(values), generated=len(values))
        drawn = replicates(WeightedMean(values), clips, count=recipe.draws, seed=recipe.seed)
        told = interval(found, drawn, level=recipe.level, seed=recipe.seed)
    return GroupScore(clips=len(values), value=found, interval=told, paper=paper)


def _printed(recipe: TableRecipe, name: str) -> dict[str, float]:
    """The paper's numbers of a system, by what they are."""
    numbers = recipe.rows[name].paper.get("table", ())
    return dict(zip(recipe.printed, numbers, strict=False))


def _listeners(recipe: TableRecipe) -> dict[str, dict[str, float]]:
    """What the paper's listeners said; ours comes with a listening study."""
    groups = {_ALL, *(str(group) for group in EventGroup)}
    return {
        row.title: {what: x for what, x in _printed(recipe, name).items() if what not in groups}
        for name, row in recipe.rows.items()
    }


def _table(scores: Mapping[str, Mapping[str, GroupScore]]) -> Table:
    first = next(iter(scores.values()))
    columns = ("system", *(f"{group} ({one.clips} clips)" for group, one in first.items()))
    rows: list[tuple[Cell, ...]] = []
    for system, groups in scores.items():
        told = [with_interval(one.value, one.interval) for one in groups.values()]
        rows.append((Cell(text=system), *(Cell(text=one) for one in told)))
        if any(one.paper is not None for one in groups.values()):
            paper = [_paper(one) for one in groups.values()]
            rows.append((Cell(text="  paper (ours - paper)"), *(Cell(text=one) for one in paper)))
    return Table(columns=columns, rows=tuple(rows))


def _paper(one: GroupScore) -> str:
    return "-" if one.paper is None else f"{one.paper:.1f} ({one.value - one.paper:+.1f})"


def _csv(counted: Sequence[_Counted]) -> bytes:
    text = io.StringIO(newline="")
    rows: Any = csv.writer(text, lineterminator="\n")
    rows.writerow(["list", "name", "caption", "events", "group", "corrected"])
    for one in counted:
        group = event_group(one.events)
        rows.writerow([one.of, one.name, one.caption, one.events, group, int(one.corrected)])
    return text.getvalue().encode()
