"""Samples to samples: channels, rate, length and width."""

import soxr
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int16
from torch import Tensor

from auffusion.audio.rates import check_rate, resampled_length
from auffusion.errors import InputError
from auffusion.shapes import Waveform


def to_mono(channels: Float[Tensor, "channel time"]) -> Waveform:
    """The mean of the channels.

    >>> to_mono(torch.tensor([[1.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0]]
    """
    return channels.mean(dim=0, keepdim=True)


def resample(
    waveform: Waveform, source_rate: int, target_rate: int
) -> Float[Tensor, "batch resampled"]:
    """The same sound at another rate (soxr, high quality: flat to 0.91 of the band).

    Args:
        waveform: samples at `source_rate`; a gradient does not pass.
        source_rate: in Hz.
        target_rate: in Hz.

    Raises:
        InputError: a rate outside 1-384 kHz.
    """
    check_rate(source_rate)
    check_rate(target_rate)
    if source_rate == target_rate:
        return waveform
    columns = waveform.detach().cpu().T.numpy()
    changed = torch.from_numpy(soxr.resample(columns, source_rate, target_rate, quality="HQ")).T
    length = resampled_length(waveform.shape[-1], source_rate, target_rate)
    return fit_length(changed, length).to(waveform)


def fit_length(waveform: Waveform, samples: int) -> Float[Tensor, "batch {samples}"]:
    """The first so many samples; silence follows a sound that is shorter.

    >>> fit_length(torch.ones(1, 2), 3).tolist(), fit_length(torch.ones(1, 2), 1).tolist()
    ([[1.0, 1.0, 0.0]], [[1.0]])
    """
    return F.pad(waveform[:, :samples], (0, max(0, samples - waveform.shape[-1])))


def to_int16(waveform: Float[Tensor, "*shape"]) -> Int16[Tensor, "*shape"]:
    """16-bit samples: `waveform * 32768`, truncated towards zero, saturating at both ends.

    The published code truncates too, but lets +1.0 wrap to -32768, which is heard as a click.

    >>> to_int16(torch.tensor([1.0, 7.0, -1.0, -0.00004])).tolist()
    [32767, 32767, -32768, -1]

    Raises:
        InputError: a sample is NaN or infinite.
    """
    if not bool(torch.isfinite(waveform).all()):
        raise InputError("the waveform holds NaN or infinite samples, which no file can store")
    # float64 holds every product exactly, whatever the width that came in.
    scaled = (waveform.detach().double() * 32768.0).trunc()
    return scaled.clamp(-32768, 32767).to(torch.int16)
