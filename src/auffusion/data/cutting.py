"""From a sound file to a clip: mono at 16 kHz, trimmed, cut into parts, levelled, 16 bits."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from auffusion.data.clips import SAMPLE_RATE
from auffusion.errors import InputError

PART = 10 * SAMPLE_RATE
"""Samples of one part of a long sound."""

_MARGIN = SAMPLE_RATE // 20
_SHORTEST = 0.08
_QUIETEST_PEAK = 0.004


def decode_sound(path: Path) -> NDArray[np.float32]:
    """Mono sound at 16 kHz, the mean of all channels.

    Raises:
        InputError: the file is gone, or of a format that is not read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} cannot be read as a sound: {error.error_string}") from error
    return to_clip_rate(samples.mean(axis=1), rate)


def to_clip_rate(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Resampled to the clips' rate."""
    return soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ") if len(samples) else samples


def cut_clip(samples: NDArray[np.float32], part: int | None) -> NDArray[np.int16]:
    """Trimmed at -60 dB with 50 ms to spare, cut to its ten-second part if it has one.

    Only what is louder than 0.99 is brought down; other levels are as in the source.

    Raises:
        InputError: what is left is under 0.08 s, or as good as silent.
    """
    _refuse_too_little(samples)
    loud = np.flatnonzero(np.abs(samples) > 1e-3 * np.abs(samples).max())
    kept = samples[max(0, loud[0] - _MARGIN) : loud[-1] + 1 + _MARGIN]
    if part is not None:
        kept = kept[part * PART : (part + 1) * PART]
    _refuse_too_little(kept)
    level = kept / max(1.0, np.abs(kept).max() / 0.99)
    return np.round(32767 * level).astype(np.int16)


def _refuse_too_little(samples: NDArray[np.float32]) -> None:
    if len(samples) < _SHORTEST * SAMPLE_RATE:
        raise InputError(f"a sound of {len(samples)} samples is too short for a clip")
    peak = float(np.abs(samples).max())
    # Written so that NaN is refused too.
    if not peak >= _QUIETEST_PEAK:
        raise InputError(f"a sound with a peak of {peak:g} is too soft for a clip")
