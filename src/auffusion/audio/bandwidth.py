"""Up to which frequency a recording has sound, where a filter or a low rate cut off the rest."""

import torch

from auffusion.audio.rates import check_rate
from auffusion.errors import InputError
from auffusion.shapes import Waveform

_STEP_HZ = 25.0
_LOWEST_HZ = 1_000.0  # below, a steep fall is the sound's own: a bass has one
_BESIDE_HZ, _TRANSITION_HZ = 400.0, 150.0
_LEAST_FALL_DB = 15.0
_FLOOR = 1e-12


def find_cutoff(waveform: Waveform, rate: int) -> float:
    """The frequency in Hz above which a band-limited recording is silent.

    The mean spectrum is searched for its steepest fall: 400 Hz below and above a gap of 300 Hz are
    compared, and what lies above must stay low. The sounds of nature fade towards the treble;
    filters fall.

    Args:
        waveform: one sound.
        rate: in Hz.

    Raises:
        InputError: no such fall.
    """
    check_rate(rate)
    levels = _levels_db(waveform[0], rate)
    beside, gap, first = (
        round(width / _STEP_HZ) for width in (_BESIDE_HZ, _TRANSITION_HZ, _LOWEST_HZ)
    )
    falls: list[tuple[float, int]] = []
    for edge in range(first, len(levels) - gap - beside // 2):
        below = levels[edge - gap - beside : edge - gap].mean()
        above = levels[edge + gap :]
        # All that lies above, so that a gap between two bands is none.
        falls.append(
            (float(below - torch.maximum(above[:beside].mean(), above.quantile(0.9))), edge)
        )
    fall, edge = max(falls, default=(0.0, 0))
    if fall < _LEAST_FALL_DB:
        raise InputError(
            "no cutoff was found: the recording's spectrum nowhere falls as a filter's does; if "
            "bands are missing all the same, say above which frequency"
        )
    return (edge - gap) * _STEP_HZ


def _levels_db(samples: torch.Tensor, rate: int) -> torch.Tensor:
    """Mean power in steps of 25 Hz, in dB."""
    length = round(rate / _STEP_HZ)
    if len(samples) < length:
        samples = torch.nn.functional.pad(samples, (0, length - len(samples)))
    window = torch.hann_window(length, dtype=torch.float64)
    spectrum = torch.stft(
        samples.double(), length, length // 2, window=window, center=False, return_complex=True
    )
    return 10.0 * torch.log10(spectrum.abs().square().mean(dim=-1) + _FLOOR)
