"""Triangular mel filters on the Slaney scale, as the published front-end uses them."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

# Slaney's Auditory Toolbox: linear below 1 kHz (200/3 Hz to a mel), logarithmic above, with
# 27 steps from 1 kHz to 6.4 kHz.
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(frequency_hz: np.ndarray) -> np.ndarray:
    """Slaney mels of frequencies in Hz.

    >>> hz_to_mel(np.array([0.0, 1000.0, 6400.0])).round(6).tolist()
    [0.0, 15.0, 42.0]
    """
    frequency_hz = np.asarray(frequency_hz, dtype=np.float64)
    above = np.log(np.maximum(frequency_hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(frequency_hz < _BREAK_HZ, frequency_hz / _HZ_PER_MEL, _BREAK_MEL + above)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Frequencies in Hz of Slaney mels; the inverse of `hz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _HZ_PER_MEL, above)


def mel_filterbank(
    *, sample_rate: int, fft_length: int, bands: int, low_hz: float, high_hz: float
) -> Float[Tensor, "mel bin"]:
    """Filters of unit area (Slaney normalisation), a row a band, over the one-sided spectrum.

    Equals `librosa.filters.mel` with `htk=False, norm="slaney"`.
    """
    bins_hz = np.linspace(0.0, sample_rate / 2, fft_length // 2 + 1)
    low, high = (float(limit) for limit in hz_to_mel(np.array([low_hz, high_hz])))
    edges_hz = mel_to_hz(np.linspace(low, high, bands + 2))
    lower, centre, upper = (edges_hz[i : i + bands, None] for i in range(3))
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    # Each triangle has height 1 and base (upper - lower): twice the inverse makes its area 1.
    return torch.from_numpy((triangles * (2.0 / (upper - lower))).astype(np.float32))
