"""A part of a sound that is to be made anew: an interval, or a box in time and frequency."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.edit.keep import LatentMask
from auffusion.errors import InputError
from auffusion.mel import MelConfig
from auffusion.mel.filterbank import hz_to_mel, mel_to_hz


@dataclass(frozen=True, kw_only=True)
class Region:
    """Seconds, and the frequencies among them.

    >>> Region(start_s=2.5, end_s=7.5).seconds
    5.0
    """

    start_s: float
    """Its beginning."""
    end_s: float
    """Its end."""
    low_hz: float = 0.0
    """Its lowest frequency."""
    high_hz: float = math.inf
    """Its highest frequency; infinity is all that there are."""

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        if not 0.0 <= self.start_s < self.end_s < math.inf:
            raise InputError(
                f"the interval from {self.start_s:g} to {self.end_s:g} s is none: expected a "
                "beginning from 0 and an end behind it"
            )
        if not 0.0 <= self.low_hz < self.high_hz:
            raise InputError(
                f"the band from {self.low_hz:g} to {self.high_hz:g} Hz is none: expected a lower "
                "edge from 0 and an upper edge above it"
            )

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s

    @property
    def whole_band(self) -> bool:
        """Whether all frequencies belong to it."""
        return self.low_hz == 0.0 and self.high_hz == math.inf


def check_within(regions: Sequence[Region], duration_s: float) -> None:
    """Raise `InputError` unless there are regions, and all lie within a sound."""
    if not regions:
        raise InputError("nothing is to be made anew: give an interval or a box")
    for region in regions:
        if region.end_s > duration_s + 1e-6:
            raise InputError(
                f"the interval from {region.start_s:g} to {region.end_s:g} s does not lie within "
                f"the recording, which is {duration_s:.3f} s long"
            )


def picture_mask(
    regions: Sequence[Region], config: MelConfig, *, duration_s: float, frames: int
) -> Float[Tensor, "mel frame"]:
    """1 where a region touches a frame and a band, 0 elsewhere; the lowest band first.

    Args:
        regions: what is to be made anew.
        config: the front-end, for bands and frames.
        duration_s: how long the sound is. A region that reaches its end goes on to the last
            frame, or the silence behind the sound would be kept and heard coming.
        frames: width of the picture.
    """
    mask = torch.zeros(config.bands, frames)
    low, high = (float(edge) for edge in hz_to_mel(np.array([config.low_hz, config.high_hz])))
    edges_hz = mel_to_hz(np.linspace(low, high, config.bands + 2))
    frame_s = config.hop_length / config.sample_rate
    # The middle of a band is the peak of its filter, its sides half-way down.
    sides = (edges_hz[1:] + edges_hz[:-1]) / 2
    for region in regions:
        rows = torch.from_numpy((sides[1:] > region.low_hz) & (sides[:-1] < region.high_hz))
        first = math.floor(region.start_s / frame_s + 1e-6)
        end = math.ceil(region.end_s / frame_s - 1e-6)
        reaches_the_end = region.end_s >= duration_s - frame_s
        mask[rows, first : frames if reaches_the_end else end] = 1.0
    return mask


def latent_mask(mask: Float[Tensor, "mel frame"], pixels: int) -> LatentMask:
    """A picture's mask for latents, the highest band in row 0.

    A place of the latent is made anew where any of its pixels is, so that nothing of what was
    there stays. On the latent's own grid that is what nearest neighbours give, as in the published
    notebooks.

    >>> latent_mask(torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]), 2).tolist()
    [[[[0.0, 1.0]]]]
    """
    return F.max_pool2d(mask.flip(0)[None, None], pixels)
