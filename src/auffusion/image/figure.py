"""Spectrograms to look at: colours, seconds below, frequencies beside; one, or several stacked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from auffusion.image.colour import VIRIDIS, colourise
from auffusion.image.scale import LOUDEST, SILENCE
from auffusion.mel import MelConfig
from auffusion.mel.filterbank import hz_to_mel

_DECIBELS_A_NEPER = 20.0 / np.log(10.0)  # a log-mel is the natural logarithm of a magnitude
_INK = (32, 32, 32)
_PAPER = (255, 255, 255)
_MARKER = (255, 72, 56)  # no colour of the scale
_FONT_SIZE = 14
_TICK = 5
_GAP = 4
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 16, 24, 48
_BAR_GAP, _BAR_WIDTH, _BAR_LABELS = 24, 16, 52
_TITLE = _FONT_SIZE + 2 * _GAP
_PANEL_HEIGHT = 256
_HATCH = 12


@dataclass(frozen=True, kw_only=True)
class _Box:
    """The pixels of a plot: `left` and `top` are its first, `right` and `bottom` just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def spectrogram_figure(
    log_mel: Float[Tensor, "mel frame"],
    *,
    config: MelConfig | None = None,
    title: str = "",
    colour_bar: bool = True,
) -> Image.Image:
    """One log-mel in viridis with its axes: seconds, Hz in mel spacing, decibels of the colours.

    Colours are those of `colourise`, so that two figures can be compared. The picture grows with
    the sound between 640 and 1600 pixels; a longer sound is averaged, a shorter one enlarged.

    Args:
        log_mel: one item, lowest band first.
        config: the front-end that made it; gives the axes their units.
        title: a line above the plot; what does not fit is cut.
        colour_bar: draw the scale of levels, in dB below the loudest that a picture can hold.
    """
    config = config or MelConfig()
    bands, frames = log_mel.shape
    top = _TOP + (_TITLE if title else 0)
    box = _Box(
        left=_LEFT,
        top=top,
        right=_LEFT + _width(frames),
        bottom=top + bands * max(1, round(512 / bands)),
    )
    beside = _RIGHT + (_BAR_GAP + _BAR_WIDTH + _BAR_LABELS if colour_bar else 0)
    figure = Image.new("RGB", (box.right + beside, box.bottom + _BOTTOM), _PAPER)
    pen = _Pen(figure)
    _draw_plot(figure, pen, box, log_mel, config)
    pen.title(title, box)
    _draw_seconds(pen, box, config.duration_s(frames))
    if colour_bar:
        _draw_bar(figure, pen, box)
    return figure


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A region of a spectrogram, drawn as a frame."""

    start_s: float
    """Its beginning in seconds."""
    end_s: float
    """Its end in seconds."""
    low_hz: float | None = None
    """Its lower edge; None is that of the picture."""
    high_hz: float | None = None
    """Its upper edge; None is that of the picture."""
    hatched: bool = False
    """Hatch it: what lies there is to be replaced."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One spectrogram of several."""

    log_mel: Float[Tensor, "mel frame"]
    """Lowest band first."""
    title: str = ""
    """A line above it."""
    marks: Sequence[Mark] = ()
    """What to point at."""


def stacked_figure(panels: Sequence[Panel], *, config: MelConfig | None = None) -> Image.Image:
    """Spectrograms above each other over one time axis, as before and after an edit.

    Colours and sizes are those of `spectrogram_figure`, a panel being half as high; all begin at
    second 0, and the longest fills the width.

    Args:
        panels: the first one on top.
        config: the front-end that made them all.
    """
    config = config or MelConfig()
    frames = max(panel.log_mel.shape[-1] for panel in panels)
    width = _width(frames)
    step = _TITLE + _PANEL_HEIGHT + _GAP
    size = (_LEFT + width + _RIGHT, _TOP + len(panels) * step + _BOTTOM)
    figure = Image.new("RGB", size, _PAPER)
    pen = _Pen(figure)
    for index, panel in enumerate(panels):
        top = _TOP + index * step + _TITLE
        whole = _Box(left=_LEFT, top=top, right=_LEFT + width, bottom=top + _PANEL_HEIGHT)
        share = panel.log_mel.shape[-1] / frames
        box = replace(whole, right=_LEFT + max(1, round(width * share)))
        _draw_plot(figure, pen, box, panel.log_mel, config)
        pen.title(panel.title, whole)
        for mark in panel.marks:
            _draw_mark(figure, box, mark, config, config.duration_s(panel.log_mel.shape[-1]))
        if index == len(panels) - 1:
            _draw_seconds(pen, whole, config.duration_s(frames))
    return figure


def _width(frames: int) -> int:
    return min(max(frames, 640), 1600)


def _draw_plot(
    figure: Image.Image,
    pen: "_Pen",
    box: _Box,
    log_mel: Float[Tensor, "mel frame"],
    config: MelConfig,
) -> None:
    """The colours, their frame, and the frequencies beside it."""
    figure.paste(_picture(log_mel, box), (box.left, box.top))
    pen.frame(box)
    for share, label in _hertz_ticks(config):
        pen.tick_left(box, box.bottom - 1 - round(share * (box.height - 1)), label)
    pen.caption_left(box, "Hz")


def _draw_seconds(pen: "_Pen", box: _Box, duration_s: float) -> None:
    for second, label in _second_ticks(duration_s):
        pen.tick_below(box, box.left + round(second / duration_s * (box.width - 1)), label)
    pen.caption_below(box, "seconds")


def _draw_mark(
    figure: Image.Image, box: _Box, mark: Mark, config: MelConfig, duration_s: float
) -> None:
    """A frame around a region, as far as it lies within the box."""
    left, right = (
        box.left + round(min(max(second / duration_s, 0.0), 1.0) * (box.width - 1))
        for second in (mark.start_s, mark.end_s)
    )
    low = 0.0 if mark.low_hz is None else _height(mark.low_hz, config)
    high = 1.0 if mark.high_hz is None else _height(mark.high_hz, config)
    top, bottom = (box.bottom - 1 - round(share * (box.height - 1)) for share in (high, low))
    stencil = Image.new("L", (right - left + 1, bottom - top + 1))
    pen = ImageDraw.Draw(stencil)
    width, height = stencil.size
    if mark.hatched:
        for start in range(-height, width, _HATCH):
            pen.line((start, height, start + height, 0), fill=255)
    pen.rectangle((0, 0, width - 1, height - 1), outline=255, width=2)
    figure.paste(_MARKER, (left, top), stencil)


def _picture(log_mel: Float[Tensor, "mel frame"], box: _Box) -> Image.Image:
    if log_mel.shape[-1] > box.width:
        log_mel = F.adaptive_avg_pool1d(log_mel.detach().float(), box.width)
    # No smoothing where a value covers several pixels: it would show what is not there.
    return colourise(log_mel).resize((box.width, box.height), Image.Resampling.NEAREST)


def _second_ticks(duration_s: float) -> Iterator[tuple[float, str]]:
    """Round times of which at most eleven fit into the sound."""
    steps = (base * 10.0**power for power in range(-3, 5) for base in (1, 2, 5))
    step = next(step for step in steps if duration_s / step < 11)
    for index in range(int(duration_s / step + 1e-6) + 1):
        yield index * step, f"{index * step:.3f}".rstrip("0").rstrip(".")


def _hertz_ticks(config: MelConfig) -> Iterator[tuple[float, str]]:
    """Frequencies with their height in the picture, 0 (bottom) to 1."""
    for hertz in (0, 250, 500, 1000, 2000, 4000, 8000, 16000):
        if config.low_hz <= hertz <= config.high_hz:
            yield _height(float(hertz), config), str(hertz)


def _height(hertz: float, config: MelConfig) -> float:
    """Where a frequency lies in the picture, 0 (bottom) to 1."""
    low, high, wanted = hz_to_mel(np.array([config.low_hz, config.high_hz, hertz]))
    # The edges of the bands split the mel range evenly into bands + 1 steps, and the
    # middle of band b, half a row above its lower side, is edge b + 1.
    edge = (wanted - low) / (high - low) * (config.bands + 1)
    return float(np.clip((edge - 0.5) / config.bands, 0.0, 1.0))


def _draw_bar(figure: Image.Image, pen: "_Pen", box: _Box) -> None:
    bar = _Box(
        left=box.right + _BAR_GAP,
        top=box.top,
        right=box.right + _BAR_GAP + _BAR_WIDTH,
        bottom=box.bottom,
    )
    column = Image.fromarray(VIRIDIS[::-1][:, None])
    figure.paste(
        column.resize((bar.width, bar.height), Image.Resampling.NEAREST), (bar.left, bar.top)
    )
    pen.frame(bar)
    lowest = (SILENCE - LOUDEST) * _DECIBELS_A_NEPER
    for level_db in range(0, int(lowest), -20):
        pen.tick_right(bar, bar.top + round(level_db / lowest * (bar.height - 1)), str(level_db))
    pen.caption_below(bar, "dB")


class _Pen:
    """Lines and words on the figure; every position is in pixels."""

    def __init__(self, figure: Image.Image) -> None:
        self._draw = ImageDraw.Draw(figure)
        self._font = ImageFont.load_default(size=_FONT_SIZE)

    def _write(self, x: int, y: int, text: str, anchor: str) -> None:
        self._draw.text((x, y), text, fill=_INK, font=self._font, anchor=anchor)

    def frame(self, box: _Box) -> None:
        edges = (box.left - 1, box.top - 1, box.right, box.bottom)
        self._draw.rectangle(edges, outline=_INK)

    def title(self, text: str, box: _Box) -> None:
        # A prompt can be a book: what no figure could show is cut before it is measured.
        text = " ".join(text[:500].split())
        while self._draw.textlength(text, self._font) > box.width:
            text = text.removesuffix("…")[:-1] + "…"
        self._write(box.left, box.top - 2 * _GAP, text, "ls")

    def tick_below(self, box: _Box, x: int, label: str) -> None:
        self._draw.line((x, box.bottom, x, box.bottom + _TICK), fill=_INK)
        self._write(x, box.bottom + _TICK + _GAP, label, "mt")

    def tick_left(self, box: _Box, y: int, label: str) -> None:
        self._draw.line((box.left - _TICK, y, box.left - 1, y), fill=_INK)
        self._write(box.left - _TICK - _GAP, y, label, "rm")

    def tick_right(self, box: _Box, y: int, label: str) -> None:
        self._draw.line((box.right, y, box.right + _TICK - 1, y), fill=_INK)
        self._write(box.right + _TICK + _GAP, y, label, "lm")

    def caption_below(self, box: _Box, text: str) -> None:
        self._write((box.left + box.right) // 2, box.bottom + _BOTTOM - _GAP, text, "mb")

    def caption_left(self, box: _Box, text: str) -> None:
        self._write(_GAP, (box.top + box.bottom) // 2, text, "lm")
