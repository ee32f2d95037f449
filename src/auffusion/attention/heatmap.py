"""Where a word is attended to, on the axes of a sound: seconds to the right, Hz upwards.

Maps of layers with coarse grids are enlarged to the finest and averaged with it, as DAAM does
(arXiv 2210.04885); grids are read from the layers, never guessed from their number of places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.attention.store import EVERYTHING, AttentionStore, Selection
from auffusion.errors import InputError
from auffusion.mel import MelConfig
from auffusion.mel.filterbank import hz_to_mel, mel_to_hz


@dataclass(frozen=True, kw_only=True)
class LatentAxes:
    """Which way a model's latents lie."""

    time: Literal["columns", "rows"] = "columns"
    """The axis of time; the other one is frequency."""
    lowest_first: bool = False
    """Whether the lowest band comes first on the axis of frequency."""


AUFFUSION_AXES = LatentAxes()
"""Time to the right, the highest band in row 0: ours."""
TANGO_AXES = LatentAxes(time="rows", lowest_first=True)
"""Time downwards, the lowest band in column 0: AudioLDM's VAE, which Tango took over."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What the whole grid of a latent covers, and how much of it the sound fills."""

    mel: MelConfig
    """The front-end: bands and frames in Hz and seconds."""
    frames: int
    """Mel frames that the grid covers."""
    shown_s: float
    """Seconds of the sound; what the grid holds beyond is cut off."""

    def edges_s(self, columns: int) -> Float[np.ndarray, "edge"]:
        """Where each column of so many begins, and where the last one ends."""
        return np.linspace(0.0, self.mel.duration_s(self.frames), columns + 1)

    def edges_hz(self, rows: int) -> Float[np.ndarray, "edge"]:
        """Where each row of so many ends upwards, and where the last one ends downwards."""
        low, high = hz_to_mel(np.array([self.mel.low_hz, self.mel.high_hz]))
        # Band b has its middle at edge b + 1 of the mel range in bands + 1 steps, half a band
        # above its own lower side.
        bands = np.linspace(self.mel.bands, 0, rows + 1)
        steps = (bands + 0.5) / (self.mel.bands + 1)
        edges = mel_to_hz(low + (high - low) * steps)
        edges[[0, -1]] = self.mel.high_hz, self.mel.low_hz
        return edges


@dataclass(frozen=True, kw_only=True, eq=False)
class Heatmap:
    """A word's share of attention over time and frequency."""

    values: Float[Tensor, "row column"]
    """0 to 1, the highest frequencies in row 0; all words of a prompt and the marks around it sum
    to 1 at each place, so that values of several words can be compared."""
    edges_hz: Float[np.ndarray, "row+1"]
    """Borders of the rows, downwards."""
    edges_s: Float[np.ndarray, "column+1"]
    """Borders of the columns, forwards; the last is the end of the sound."""

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return float(self.edges_s[-1])


def word_heatmap(
    store: AttentionStore,
    column: int,
    extent: Extent,
    *,
    axes: LatentAxes = AUFFUSION_AXES,
    selection: Selection = EVERYTHING,
    item: int = 0,
) -> Heatmap:
    """The mean map of one column of a store, on the grid of its finest layer.

    Args:
        store: of cross-attention; a word is one of its `columns`, its tokens joined.
        column: which.
        extent: what a latent covers.
        axes: how it lies.
        selection: layers, steps and heads to average over.
        item: of the batch.

    Raises:
        InputError: nothing of the selection was stored, or there is no such column.
    """
    kept = store.maps(selection)
    if not 0 <= column < kept[0].values.shape[-1]:
        raise InputError(
            f"there is no column {column}: the store has {kept[0].values.shape[-1]}, from 0"
        )
    finest = max((one.site for one in kept), key=lambda site: site.queries)
    grid = (finest.height, finest.width)
    pictures = [_enlarged(one.picture[item, column], grid) for one in kept]
    upright = _upright(torch.stack(pictures).mean(dim=0).cpu(), axes)
    return _cut(upright, extent)


def _enlarged(
    picture: Float[Tensor, "height width"], grid: tuple[int, int]
) -> Float[Tensor, "row column"]:
    if tuple(picture.shape) == grid:
        return picture
    # Not bicubic, which would make a share of attention negative.
    return F.interpolate(picture[None, None], size=grid, mode="bilinear")[0, 0]


def _upright(
    picture: Float[Tensor, "height width"], axes: LatentAxes
) -> Float[Tensor, "row column"]:
    turned = picture.T if axes.time == "rows" else picture
    return turned.flip(0) if axes.lowest_first else turned


def _cut(picture: Float[Tensor, "row column"], extent: Extent) -> Heatmap:
    rows, columns = picture.shape
    edges = extent.edges_s(columns)
    kept = int(np.searchsorted(edges, extent.shown_s - 1e-9))
    kept = min(max(kept, 1), columns)
    return Heatmap(
        values=picture[:, :kept].contiguous(),
        edges_hz=extent.edges_hz(rows),
        edges_s=np.append(edges[:kept], min(extent.shown_s, float(edges[-1]))),
    )


def pooled(
    picture: Float[Tensor, "band frame"], like: Heatmap, frame_s: float
) -> Float[Tensor, "row column"]:
    """A spectrogram's mean over each place of a map, its highest band in row 0.

    Args:
        picture: lowest band first, as a log-mel is.
        like: the map whose grid to take.
        frame_s: seconds of a frame.
    """
    rows, _ = like.values.shape
    rising = F.adaptive_avg_pool2d(picture[None], (rows, picture.shape[-1]))[0].flip(0)
    ends: Sequence[int] = np.rint(like.edges_s / frame_s).astype(int).tolist()
    columns = [
        rising[:, min(start, picture.shape[-1] - 1) : max(end, start + 1)].mean(dim=1)
        for start, end in pairwise(ends)
    ]
    return torch.stack(columns, dim=1)
