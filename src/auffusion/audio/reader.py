"""A sound file of any common kind to a mono waveform."""

from pathlib import Path

import torch

from auffusion.audio.decoder import read_mono
from auffusion.shapes import Waveform


def read_audio(
    path: str | Path, *, sample_rate: int = 16_000, max_seconds: float = 600.0
) -> Waveform:
    """The mean of a file's channels at another rate, one item of about [-1, 1].

    Args:
        path: a WAV, FLAC, OGG (Vorbis or Opus) or MP3 file.
        sample_rate: of the result, in Hz.
        max_seconds: longer files are refused, by their header and again while they are read: a
            small file can claim or hold hours.

    Raises:
        InputError: as for `inspect_audio`; also NaN or infinite samples, a file that is too long,
            or one that ends before its header says.
    """
    samples, _ = read_mono(path, sample_rate=sample_rate, max_seconds=max_seconds)
    return torch.from_numpy(samples)[None]
