"""Pictures of a comparison: intervals of scores, and how the scores of single clips are spread."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from auffusion.errors import InputError
from auffusion.evaluate.comparing import Comparison
from auffusion.evaluate.result import ScoreResult

_INK, _PAPER, _LINE = (32, 32, 32), (255, 255, 255), (200, 200, 200)
_DATA, _FAINT = (31, 87, 164), (150, 183, 226)
_FONT_SIZE, _SCALE = 13, 2  # pixels of a dot on paper: sharp on screens of any density
_ROW, _HEAD, _AXIS, _GAP = 26, 30, 30, 12
_PLOT, _RIGHT, _LONGEST_LABEL = 560, 24, 30
_MOST_TICKS = 7


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A system's score in a panel."""

    label: str
    score: ScoreResult


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """A score with all systems."""

    title: str
    rows: Sequence[_Row]
    low: float
    high: float


Draw = Callable[["_Canvas", ScoreResult, Callable[[float], float], float], None]


def interval_chart(comparison: Comparison) -> Image.Image:
    """For each score and system the value, and its interval where there is one."""
    panels = [_panel(comparison, name, _ends) for name in _names(comparison)]
    return _chart(panels, _draw_interval)


def clip_chart(comparison: Comparison) -> Image.Image:
    """For each score that clips have, and each system: every clip, the quartiles and the median.

    Raises:
        InputError: no score of the protocol is one of single clips.
    """
    having = [one.name for one in comparison.scores if one.values is not None]
    if not having:
        raise InputError("no score of this protocol is one of single clips: there is none to draw")
    return _chart([_panel(comparison, name, _clip_ends) for name in having], _draw_clips)


def round_ticks(low: float, high: float) -> list[float]:
    """Round numbers in a range, at most seven of them.

    >>> round_ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    steps = (power * base * scale for scale in (1, 10, 100) for base in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step < _MOST_TICKS)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _names(comparison: Comparison) -> Iterator[str]:
    return (one.name for one in comparison.scores)


def _ends(score: ScoreResult) -> list[float]:
    told = score.interval
    return [score.value] if told is None else [score.value, told.low, told.high]


def _clip_ends(score: ScoreResult) -> list[float]:
    return list(score.values or ())


def _panel(comparison: Comparison, name: str, ends: Callable[[ScoreResult], list[float]]) -> _Panel:
    rows = [
        _Row(label=result.system, score=score)
        for result in comparison.results
        for score in result.scores
        if score.name == name
    ]
    found = [end for row in rows for end in ends(row.score)]
    low, high = min(found), max(found)
    # A line without any width has no scale.
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    first = rows[0].score
    # Arrows are not in the font that Pillow brings.
    title = f"{first.title}, {first.better} is better"
    return _Panel(title=title, rows=rows, low=low - margin, high=high + margin)


class _Canvas:
    """Lines, dots and words; positions are in pixels of a page without any scale."""

    def __init__(self, width: float, height: float) -> None:
        size = (round(width * _SCALE), round(height * _SCALE))
        self.image = Image.new("RGB", size, _PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(size=_FONT_SIZE * _SCALE)

    def width_of(self, text: str) -> float:
        return self._pen.textlength(text, self._font) / _SCALE

    def text(self, x: float, y: float, text: str, anchor: str) -> None:
        place = (x * _SCALE, y * _SCALE)
        self._pen.text(place, text, fill=_INK, font=self._font, anchor=anchor)

    def line(
        self, x0: float, y0: float, x1: float, y1: float, colour: tuple[int, int, int]
    ) -> None:
        ends = (x0 * _SCALE, y0 * _SCALE, x1 * _SCALE, y1 * _SCALE)
        self._pen.line(ends, fill=colour, width=_SCALE)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        corners = (x0 * _SCALE, y0 * _SCALE, x1 * _SCALE, y1 * _SCALE)
        self._pen.rectangle(corners, outline=_DATA, width=_SCALE)

    def dot(self, x: float, y: float, radius: float) -> None:
        corners = [(x - radius) * _SCALE, (y - radius) * _SCALE]
        corners += [(x + radius) * _SCALE, (y + radius) * _SCALE]
        self._pen.ellipse(corners, fill=_DATA)


def _chart(panels: Sequence[_Panel], draw: Draw) -> Image.Image:
    labels = [_label(row) for panel in panels for row in panel.rows]
    measuring = _Canvas(1.0, 1.0)
    left = max(measuring.width_of(label) for label in labels) + 2 * _GAP
    heights = [float(_HEAD + _ROW * len(panel.rows) + _AXIS) for panel in panels]
    canvas = _Canvas(left + _PLOT + _RIGHT, sum(heights) + _GAP)
    top = 0.0
    for panel, height in zip(panels, heights, strict=True):
        _draw_panel(canvas, panel, left, top, draw)
        top += height
    return canvas.image


def _draw_panel(canvas: _Canvas, panel: _Panel, left: float, top: float, draw: Draw) -> None:
    def place(value: float) -> float:
        return left + _PLOT * (value - panel.low) / (panel.high - panel.low)

    first, last = top + _HEAD, top + _HEAD + _ROW * len(panel.rows)
    canvas.text(left, top + _HEAD - 8, panel.title, "ls")
    for tick in round_ticks(panel.low, panel.high):
        canvas.line(place(tick), first, place(tick), last, _LINE)
        canvas.text(place(tick), last + 4, f"{tick:g}", "mt")
    canvas.line(left, last, left + _PLOT, last, _INK)
    for number, row in enumerate(panel.rows):
        middle = first + _ROW * (number + 0.5)
        canvas.text(left - _GAP, middle, _label(row), "rm")
        draw(canvas, row.score, place, middle)


def _label(row: _Row) -> str:
    text = row.label
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _draw_interval(
    canvas: _Canvas, score: ScoreResult, place: Callable[[float], float], y: float
) -> None:
    if score.interval is not None:
        low, high = place(score.interval.low), place(score.interval.high)
        canvas.line(low, y, high, y, _DATA)
        for end in (low, high):
            canvas.line(end, y - 4, end, y + 4, _DATA)
    canvas.dot(place(score.value), y, 3.5)


def _draw_clips(
    canvas: _Canvas, score: ScoreResult, place: Callable[[float], float], y: float
) -> None:
    values: NDArray[np.float64] = np.array(score.values or (), np.float64)
    for value in values.tolist():
        canvas.line(place(value), y - 7, place(value), y + 7, _FAINT)
    quarter, median, three_quarters = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    canvas.box(place(quarter), y - 5, place(three_quarters), y + 5)
    canvas.line(place(median), y - 7, place(median), y + 7, _INK)
