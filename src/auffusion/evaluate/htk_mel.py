"""Triangular mel filters as HTK and its descendants draw them: straight in mel, not in Hz."""

import torch
from jaxtyping import Float64
from torch import Tensor


def htk_triangles(
    *, sample_rate: int, fft_length: int, bands: int, low_hz: float, high_hz: float
) -> Float64[Tensor, "bin mel"]:
    """Filters of height one, a column a band, over the one-sided spectrum.

    A triangle's sides are linear in mel = 1127·ln(1 + f/700); the factor plays no part in them.
    `auffusion.mel.mel_filterbank` has another scale, and sides that are linear in Hz.
    """
    bins_hz = torch.linspace(0, sample_rate / 2, fft_length // 2 + 1, dtype=torch.float64)
    limits_hz = torch.tensor([low_hz, high_hz], dtype=torch.float64)
    mels, limits = torch.log1p(bins_hz / 700.0)[:, None], torch.log1p(limits_hz / 700.0)
    steps = torch.linspace(0, 1, bands + 2, dtype=torch.float64)
    edges = limits[0] + (limits[1] - limits[0]) * steps
    rising = (mels - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mels) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp_min(0)
