"""Spectrograms to look at: colours, seconds below, frequencies beside; one, or several stacked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from auffusion.image.axes import height_of, hertz_ticks, second_ticks
from auffusion.image.colour import VIRIDIS, colourise
from auffusion.image.pen import BELOW, FONT_SIZE, GAP, Box, Pen
from auffusion.image.scale import LOUDEST, SILENCE
from auffusion.mel import DB_A_NEPER, MelConfig

_PAPER = (255, 255, 255)
_MARKER = (255, 72, 56)  # no colour of the scale
_LEFT, _TOP, _RIGHT = 64, 16, 24
_BAR_GAP, _BAR_WIDTH, _BAR_LABELS = 24, 16, 52
_TITLE = FONT_SIZE + 2 * GAP
_PANEL_HEIGHT = 256
_HATCH = 12


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
    box = Box(
        left=_LEFT,
        top=top,
        right=_LEFT + _width(frames),
        bottom=top + bands * max(1, round(512 / bands)),
    )
    beside = _RIGHT + (_BAR_GAP + _BAR_WIDTH + _BAR_LABELS if colour_bar else 0)
    figure = Image.new("RGB", (box.right + beside, box.bottom + BELOW), _PAPER)
    pen = Pen(figure)
    _draw_plot(figure, pen, box, log_mel, config)
    pen.title(title, box)
    _draw_seconds(pen, box, config.duration_s(frames))
    if colour_bar:
        _draw_bar(pen, box)
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
    step = _TITLE + _PANEL_HEIGHT + GAP
    size = (_LEFT + width + _RIGHT, _TOP + len(panels) * step + BELOW)
    figure = Image.new("RGB", size, _PAPER)
    pen = Pen(figure)
    for index, panel in enumerate(panels):
        top = _TOP + index * step + _TITLE
        whole = Box(left=_LEFT, top=top, right=_LEFT + width, bottom=top + _PANEL_HEIGHT)
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
    pen: Pen,
    box: Box,
    log_mel: Float[Tensor, "mel frame"],
    config: MelConfig,
) -> None:
    """The colours, their frame, and the frequencies beside it."""
    figure.paste(_picture(log_mel, box), (box.left, box.top))
    pen.frame(box)
    for share, label in hertz_ticks(config):
        pen.tick_left(box, box.bottom - 1 - round(share * (box.height - 1)), label)
    pen.caption_left(box, "Hz")


def _draw_seconds(pen: Pen, box: Box, duration_s: float) -> None:
    for second, label in second_ticks(duration_s):
        pen.tick_below(box, box.left + round(second / duration_s * (box.width - 1)), label)
    pen.caption_below(box, "seconds")


def _draw_mark(
    figure: Image.Image, box: Box, mark: Mark, config: MelConfig, duration_s: float
) -> None:
    """A frame around a region, as far as it lies within the box."""
    left, right = (
        box.left + round(min(max(second / duration_s, 0.0), 1.0) * (box.width - 1))
        for second in (mark.start_s, mark.end_s)
    )
    low = 0.0 if mark.low_hz is None else height_of(mark.low_hz, config)
    high = 1.0 if mark.high_hz is None else height_of(mark.high_hz, config)
    top, bottom = (box.bottom - 1 - round(share * (box.height - 1)) for share in (high, low))
    stencil = Image.new("L", (right - left + 1, bottom - top + 1))
    pen = ImageDraw.Draw(stencil)
    width, height = stencil.size
    if mark.hatched:
        for start in range(-height, width, _HATCH):
            pen.line((start, height, start + height, 0), fill=255)
    pen.rectangle((0, 0, width - 1, height - 1), outline=255, width=2)
    figure.paste(_MARKER, (left, top), stencil)


def _picture(log_mel: Float[Tensor, "mel frame"], box: Box) -> Image.Image:
    if log_mel.shape[-1] > box.width:
        log_mel = F.adaptive_avg_pool1d(log_mel.detach().float(), box.width)
    # No smoothing where a value covers several pixels: it would show what is not there.
    return colourise(log_mel).resize((box.width, box.height), Image.Resampling.NEAREST)


def _draw_bar(pen: Pen, box: Box) -> None:
    left = box.right + _BAR_GAP
    bar = replace(box, left=left, right=left + _BAR_WIDTH)
    pen.bar(bar, VIRIDIS)
    lowest = (SILENCE - LOUDEST) * DB_A_NEPER
    for level_db in range(0, int(lowest), -20):
        pen.tick_right(bar, bar.top + round(level_db / lowest * (bar.height - 1)), str(level_db))
    pen.caption_below(bar, "dB")
