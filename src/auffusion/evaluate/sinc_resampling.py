"""The resampling that published scores were made with: torchaudio's default.

A Hann-windowed sinc of six zero crossings and a rolloff of 0.99, built in float32 as
`torchaudio.functional.resample` (https://github.com/pytorch/audio, BSD) does it, or in float64 as
its `transforms.Resample` does; they differ by some 1e-5, enough to move features by 1e-3. Both are
wrong by tens of decibels near the upper limit of a source: elsewhere `auffusion.audio.resample` is
used.
"""

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.audio.rates import check_rate
from auffusion.shapes import Waveform

_CROSSINGS = 6
_ROLLOFF = 0.99
_MOST_TAPS = 1 << 22


def sinc_resample(
    waveform: Waveform, source_rate: int, target_rate: int, *, wide: bool = False
) -> Float[Tensor, "batch resampled"]:
    """The same sound at another rate, ⌈time·target/source⌉ samples.

    >>> sinc_resample(torch.ones(1, 5), 3, 2)
    Traceback (most recent call last):
    auffusion.errors.InputError: the sound has a sample rate of 3 Hz, expected 1000 to 384000 Hz

    Args:
        waveform: float32 samples at `source_rate`.
        source_rate: in Hz.
        target_rate: in Hz.
        wide: whether the kernel is built in float64.

    Raises:
        InputError: a rate outside 1-384 kHz.
    """
    check_rate(source_rate)
    check_rate(target_rate)
    if source_rate == target_rate:
        return waveform
    divisor = math.gcd(source_rate, target_rate)
    old, new = source_rate // divisor, target_rate // divisor
    reach = _reach(old, new)
    padded = F.pad(waveform, (reach, reach + old))[:, None]
    # Rates without a common divisor have kernels of gigabytes: a part of the phases at a time.
    some = max(1, _MOST_TAPS // (2 * reach + old))
    spans = [(start, min(new, start + some)) for start in range(0, new, some)]
    kernels = (_kernel(old, new, *span, wide=wide).to(waveform) for span in spans)
    outputs = [F.conv1d(padded, kernel, stride=old) for kernel in kernels]
    # torchaudio rounds up a float32, which near 10 s may already be one sample off.
    length = math.ceil(np.float32(new * waveform.shape[-1] / old))
    # `new` outputs, one a phase, for every `old` inputs.
    return torch.cat(outputs, dim=1).mT.flatten(1)[:, :length]


def _base(old: int, new: int) -> float:
    return min(old, new) * _ROLLOFF


def _reach(old: int, new: int) -> int:
    """Inputs on either side of an output that have a part in it."""
    return math.ceil(_CROSSINGS * old / _base(old, new))


@lru_cache(maxsize=8)
def _kernel(
    old: int, new: int, first: int, end: int, *, wide: bool
) -> Float[Tensor, "phase 1 tap"]:
    """The taps of some of the phases."""
    base, reach = _base(old, new), _reach(old, new)
    taps = torch.arange(-reach, reach + old, dtype=torch.float64 if wide else torch.float32) / old
    # Each step in this order, and this one in float32 even where the others are not: the rounding
    # is part of the published numbers.
    phases = torch.arange(-first, -end, -1, dtype=torch.float32) / new
    time = ((phases[:, None] + taps) * base).clamp(-_CROSSINGS, _CROSSINGS)
    window = torch.cos(time * math.pi / _CROSSINGS / 2).square()
    angle = time * math.pi
    sinc = torch.where(angle == 0, 1.0, angle.sin() / angle)
    return (sinc * (window * (base / old)))[:, None].float()
