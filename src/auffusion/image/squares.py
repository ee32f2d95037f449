"""Pictures over time and frequency in a table of equal squares, as in the paper's Figure 2."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from auffusion.image.axes import hertz_ticks, second_ticks
from auffusion.image.colour import VIRIDIS
from auffusion.image.pen import FONT_SIZE, GAP, Box, Pen
from auffusion.mel import MelConfig

_PAPER = (255, 255, 255)
_LEFT, _RIGHT, _EDGE = 64, 16, 16
_LINE = FONT_SIZE + 2 * GAP
_BETWEEN = 16
_TICKS = 32  # below a square
_HERTZ = 9  # from the unit to the square, as from its labels
_BAR_GAP, _BAR_WIDTH, _BAR_LABELS = 16, 16, 64
_LABEL_WIDTH = 48  # of a second's tick and the space around it


@dataclass(frozen=True, kw_only=True, eq=False)
class Square:
    """One picture of the table."""

    heading: str
    """A line above it; what does not fit is cut."""
    unit: Float[Tensor, "row column"]
    """Levels in [0, 1], the highest frequencies in row 0; stretched to the square."""
    seconds: float
    """What the width covers."""
    colours: NDArray[np.uint8] = field(default_factory=lambda: VIRIDIS)
    """256 colours, the lowest level first."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """What the colours of a row mean."""

    ticks: Sequence[tuple[float, str]]
    """Levels, 0 to 1, with their labels."""
    colours: NDArray[np.uint8]
    """256 colours, the lowest level first."""
    caption: str = ""
    """What the labels are in."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """A row of the table."""

    label: str
    """A line above the row."""
    squares: Sequence[Square | None]
    """From left to right; None leaves its place empty."""
    scale: Scale | None = None
    """Drawn at its end."""
    config: MelConfig = field(default_factory=MelConfig)
    """The front-end whose bands the rows of its pictures are."""


def table_of_squares(rows: Sequence[Row], *, side: int = 256, note: str = "") -> Image.Image:
    """A table of pictures, each stretched to a square of so many pixels.

    Seconds stand below each square, frequencies beside the first of a row.

    Args:
        rows: the first one on top.
        side: of a square.
        note: a line below the table, to explain its numbers.
    """
    most = max(len(row.squares) for row in rows)
    scaled = any(row.scale is not None for row in rows)
    beside = _BAR_GAP + _BAR_WIDTH + _BAR_LABELS if scaled else 0
    width = _LEFT + most * (side + _BETWEEN) - _BETWEEN + beside + _RIGHT
    step = 2 * _LINE + side + _TICKS
    figure = Image.new("RGB", (width, _EDGE + len(rows) * step + _LINE), _PAPER)
    pen = Pen(figure)
    for number, row in enumerate(rows):
        top = _EDGE + number * step
        pen.write(GAP, top + FONT_SIZE, pen.fitted(row.label, width - 2 * GAP), "ls")
        top += 2 * _LINE
        first = Box(left=_LEFT, top=top, right=_LEFT + side, bottom=top + side)
        boxes = [_moved(first, index * (side + _BETWEEN)) for index in range(len(row.squares))]
        drawn: list[Box] = []
        for box, square in zip(boxes, row.squares, strict=True):
            if square is not None:
                _draw(figure, pen, box, square)
                drawn.append(box)
        _draw_hertz(pen, drawn[0], row.config)
        if row.scale is not None:
            last = _moved(first, (most - 1) * (side + _BETWEEN))
            _draw_scale(pen, last, row.scale)
    below = f"Seconds. {note}" if note else "Seconds."
    pen.write(_LEFT, figure.height - GAP, pen.fitted(below, width - _LEFT), "lb")
    return figure


def _moved(box: Box, pixels: int) -> Box:
    return Box(left=box.left + pixels, top=box.top, right=box.right + pixels, bottom=box.bottom)


def _draw(figure: Image.Image, pen: Pen, box: Box, square: Square) -> None:
    levels = levels_of(square.unit, box.width, box.height)
    figure.paste(Image.fromarray(square.colours[levels]), (box.left, box.top))
    pen.frame(box)
    pen.title(square.heading, box)
    for second, label in second_ticks(square.seconds, box.width // _LABEL_WIDTH):
        pen.tick_below(box, box.left + round(second / square.seconds * (box.width - 1)), label)


def levels_of(unit: Float[Tensor, "row column"], width: int, height: int) -> NDArray[np.uint8]:
    """A picture of another size in 256 levels, smoothed on the way.

    Levels are interpolated, not colours, so that no colour appears that is not on the scale.
    """
    levels = Image.fromarray(unit.detach().float().clamp(0.0, 1.0).cpu().numpy())
    resized = np.asarray(levels.resize((width, height), Image.Resampling.BILINEAR))
    return np.rint(resized * 255.0).astype(np.uint8)


def _draw_hertz(pen: Pen, box: Box, config: MelConfig) -> None:
    for share, label in hertz_ticks(config):
        pen.tick_left(box, box.bottom - 1 - round(share * (box.height - 1)), label)
    pen.write(box.left - _HERTZ, box.top - 2 * GAP, "Hz", "rs")


def _draw_scale(pen: Pen, box: Box, scale: Scale) -> None:
    left = box.right + _BAR_GAP
    bar = Box(left=left, top=box.top, right=left + _BAR_WIDTH, bottom=box.bottom)
    pen.bar(bar, scale.colours)
    for share, label in scale.ticks:
        pen.tick_right(bar, bar.bottom - 1 - round(share * (bar.height - 1)), label)
    pen.write(bar.left, bar.top - 2 * GAP, scale.caption, "ls")
