"""Frames, ticks and words on a figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONT_SIZE = 14
"""Height of the letters, in pixels."""
GAP = 4
"""Pixels between things."""
BELOW = 48
"""Pixels below a plot that its ticks and its caption take."""

_INK = (32, 32, 32)
_TICK = 5


@dataclass(frozen=True, kw_only=True)
class Box:
    """The pixels of a plot: `left` and `top` are its first, `right` and `bottom` just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Its columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Its rows."""
        return self.bottom - self.top


class Pen:
    """Lines and words on the figure; every position is in pixels."""

    def __init__(self, figure: Image.Image) -> None:
        self._figure = figure
        self._draw = ImageDraw.Draw(figure)
        self._font = ImageFont.load_default(size=FONT_SIZE)

    def write(self, x: int, y: int, text: str, anchor: str) -> None:
        """A line of text; the anchor is Pillow's."""
        self._draw.text((x, y), text, fill=_INK, font=self._font, anchor=anchor)

    def frame(self, box: Box) -> None:
        """A line just outside a plot."""
        edges = (box.left - 1, box.top - 1, box.right, box.bottom)
        self._draw.rectangle(edges, outline=_INK)

    def bar(self, box: Box, colours: NDArray[np.uint8]) -> None:
        """A scale of colours, the first one at the bottom."""
        column: Any = Image.fromarray(colours[::-1][:, None])
        whole = column.resize((box.width, box.height), Image.Resampling.NEAREST)
        self._figure.paste(whole, (box.left, box.top))
        self.frame(box)

    def fitted(self, text: str, width: int) -> str:
        """A text, cut where it would be wider."""
        # A prompt can be a book: what no figure could show is cut before it is measured.
        text = " ".join(text[:500].split())
        while text and self._draw.textlength(text, self._font) > width:
            text = text.removesuffix("…")[:-1] + "…" if text != "…" else ""
        return text

    def title(self, text: str, box: Box) -> None:
        """A line above a plot, cut where it does not fit."""
        self.write(box.left, box.top - 2 * GAP, self.fitted(text, box.width), "ls")

    def path(self, points: Sequence[tuple[int, int]], colour: tuple[int, int, int]) -> None:
        """Lines from point to point."""
        self._draw.line(list(points), fill=colour, width=2, joint="curve")

    def dot(self, x: int, y: int, radius: int, colour: tuple[int, int, int]) -> None:
        """A filled circle."""
        corners = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(corners, fill=colour)

    def tick_below(self, box: Box, x: int, label: str) -> None:
        """A tick of the time axis."""
        self._draw.line((x, box.bottom, x, box.bottom + _TICK), fill=_INK)
        self.write(x, box.bottom + _TICK + GAP, label, "mt")

    def tick_left(self, box: Box, y: int, label: str) -> None:
        """A tick of the frequency axis."""
        self._draw.line((box.left - _TICK, y, box.left - 1, y), fill=_INK)
        self.write(box.left - _TICK - GAP, y, label, "rm")

    def tick_right(self, box: Box, y: int, label: str) -> None:
        """A tick of a scale of colours."""
        self._draw.line((box.right, y, box.right + _TICK - 1, y), fill=_INK)
        self.write(box.right + _TICK + GAP, y, label, "lm")

    def caption_below(self, box: Box, text: str) -> None:
        """What the ticks below are in."""
        self.write((box.left + box.right) // 2, box.bottom + BELOW - GAP, text, "mb")

    def caption_left(self, box: Box, text: str) -> None:
        """What the ticks to the left are in."""
        self.write(GAP, (box.top + box.bottom) // 2, text, "lm")
