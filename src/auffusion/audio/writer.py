"""A waveform to a 16-bit mono WAV or FLAC file."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
from numpy.typing import NDArray
from torch import Tensor

from auffusion.audio.convert import check_rate, to_int16
from auffusion.audio.metadata import METADATA_KEYS, check_metadata
from auffusion.audio.riff import wav_bytes
from auffusion.errors import InputError
from auffusion.files import write_file

Samples = Tensor | np.ndarray
"""One sound, `[time]` or `[1, time]`: floats in [-1, 1] or 16-bit integers."""


def write_audio(
    path: str | Path,
    samples: Samples,
    *,
    sample_rate: int = 16_000,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a 16-bit mono file, whole or not at all; the suffix `.wav` or `.flac` says which.

    The same samples and metadata always give the same bytes.

    Args:
        path: its folder must exist; an older file is replaced.
        samples: floats are truncated to 16 bits and saturate (`to_int16`).
        sample_rate: in Hz.
        metadata: texts by the names in `METADATA_KEYS`; an empty one is left out.

    Raises:
        InputError: another suffix, no sound, NaN, a full disk or an unwritable folder.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in _ENCODERS:
        raise InputError(f"cannot write {path}: its name must end in .wav or .flac")
    data = encode_audio(kind, samples, sample_rate=sample_rate, metadata=metadata)
    write_file(path, data)


def encode_audio(
    kind: str,
    samples: Samples,
    *,
    sample_rate: int = 16_000,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of the file that `write_audio` would write; `kind` is `wav` or `flac`."""
    check_rate(sample_rate)
    words = {key: text for key, text in (metadata or {}).items() if text}
    check_metadata(words)
    return _ENCODERS[kind](_to_integers(samples), sample_rate, words)


def _to_integers(samples: Samples) -> NDArray[np.int16]:
    tensor = torch.as_tensor(samples).detach().cpu()
    if tensor.ndim == 2 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 1 or tensor.numel() == 0:
        raise InputError(f"expected one sound, [time] or [1, time], got {list(tensor.shape)}")
    if tensor.is_floating_point():
        tensor = to_int16(tensor)
    if tensor.dtype != torch.int16:
        raise InputError(f"expected float or 16-bit samples, got {tensor.dtype}")
    return tensor.numpy()


def _wav(samples: NDArray[np.int16], sample_rate: int, metadata: Mapping[str, str]) -> bytes:
    tags = {METADATA_KEYS[key]: text for key, text in metadata.items()}
    return wav_bytes(samples.astype("<i2").tobytes(), sample_rate=sample_rate, tags=tags)


def _flac(samples: NDArray[np.int16], sample_rate: int, metadata: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with sf.SoundFile(
        buffer, "w", samplerate=sample_rate, channels=1, subtype="PCM_16", format="FLAC"
    ) as sound:
        for key, text in metadata.items():
            setattr(sound, key, text)
        sound.write(samples)
    return buffer.getvalue()


_ENCODERS = {"wav": _wav, "flac": _flac}
