"""Table 5 as a picture: each score along what was varied, ours beside the paper's."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from auffusion.evaluate.charts import round_ticks
from auffusion.evaluate.result import Result, ScoreResult
from auffusion.image.pen import Box, Pen
from auffusion.recipes.tables.model_system import ModelSystem
from auffusion.recipes.tables.recipe import Axis, TableRecipe

_WIDTH, _HEIGHT = 380, 190
_LEFT, _TOP, _BETWEEN = 80, 30, 64
_RIGHT, _LEGEND = 24, 40
_OURS, _PAPER = (31, 87, 164), (196, 90, 30)
_WHITE = (255, 255, 255)
_MARGIN = 0.08

Place = Callable[[float], int]


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """A system on an axis."""

    at: float
    """Where: its steps or its guidance."""
    score: ScoreResult
    """Ours."""
    paper: float | None
    """What the paper prints."""


def sweep_points(
    recipe: TableRecipe, axis: Axis, of: str, results: Mapping[str, Result], score: str
) -> list[SweepPoint]:
    """The systems of an axis that were measured, in its order."""
    found: list[SweepPoint] = []
    for name in axis.systems:
        row, result = recipe.rows.get(name), results.get(name)
        measured = None if result is None else result.score(score)
        if isinstance(row, ModelSystem) and measured is not None:
            own = row.steps if axis.of == "steps" else row.guidance
            at = getattr(recipe.sampling, axis.of) if own is None else own
            printed = dict(zip(recipe.printed, row.paper.get(of, ()), strict=False))
            found.append(SweepPoint(at=float(at), score=measured, paper=printed.get(score)))
    return found


def sweep_chart(recipe: TableRecipe, of: str, results: Mapping[str, Result]) -> Image.Image:
    """A row a score, a column an axis; ours with intervals, the paper's without."""
    scores = [score.name for score in next(iter(results.values())).scores]
    width = _RIGHT + len(recipe.axis) * (_LEFT + _WIDTH)
    height = _LEGEND + len(scores) * (_TOP + _HEIGHT + _BETWEEN)
    figure = Image.new("RGB", (width, height), _WHITE)
    pen = Pen(figure)
    _legend(pen)
    for row, score in enumerate(scores):
        for column, axis in enumerate(recipe.axis):
            left = _LEFT + column * (_LEFT + _WIDTH)
            top = _LEGEND + row * (_TOP + _HEIGHT + _BETWEEN) + _TOP
            box = Box(left=left, top=top, right=left + _WIDTH, bottom=top + _HEIGHT)
            points = sweep_points(recipe, axis, of, results, score)
            if points:
                _panel(pen, box, axis, points)
    return figure


def _legend(pen: Pen) -> None:
    pen.dot(_LEFT, _LEGEND // 2, 4, _OURS)
    pen.write(_LEFT + 12, _LEGEND // 2, "ours, with interval", "lm")
    pen.dot(_LEFT + 180, _LEGEND // 2, 4, _PAPER)
    pen.write(_LEFT + 192, _LEGEND // 2, "the paper", "lm")


def _panel(pen: Pen, box: Box, axis: Axis, points: Sequence[SweepPoint]) -> None:
    shown = [end for point in points for end in _ends(point)]
    low, high = min(shown), max(shown)
    margin = _MARGIN * (high - low) or _MARGIN * abs(high) or 1.0
    low, high = low - margin, high + margin

    def y(value: float) -> int:
        return round(box.bottom - (value - low) / (high - low) * box.height)

    x = _along(box, [point.at for point in points])
    score = points[0].score
    pen.frame(box)
    # Arrows are not in the font that Pillow brings.
    pen.title(f"{score.title}, {score.better} is better", box)
    for tick in round_ticks(low, high):
        pen.tick_left(box, y(tick), f"{tick:g}")
    for point in points:
        pen.tick_below(box, x(point.at), f"{point.at:g}")
    pen.caption_below(box, axis.title)
    _draw(pen, x, y, points)


def _draw(pen: Pen, x: Place, y: Place, points: Sequence[SweepPoint]) -> None:
    paper = [(x(one.at), y(one.paper)) for one in points if one.paper is not None]
    pen.path(paper, _PAPER)
    for across, up in paper:
        pen.dot(across, up, 4, _PAPER)
    pen.path([(x(one.at), y(one.score.value)) for one in points], _OURS)
    for one in points:
        told = one.score.interval
        if told is not None:
            pen.path([(x(one.at), y(told.low)), (x(one.at), y(told.high))], _OURS)
        pen.dot(x(one.at), y(one.score.value), 4, _OURS)


def _ends(point: SweepPoint) -> list[float]:
    told = point.score.interval
    ends = [] if told is None else [told.low, told.high]
    return [point.score.value, *ends, *([] if point.paper is None else [point.paper])]


def _along(box: Box, places: Sequence[float]) -> Place:
    """Logarithmic, so that steps which double lie equally far apart."""
    low, high = math.log(min(places)), math.log(max(places))
    edge = 0.06 * box.width

    def x(value: float) -> int:
        share = 0.5 if high == low else (math.log(value) - low) / (high - low)
        return round(box.left + edge + share * (box.width - 2 * edge))

    return x
