"""A waveform to a 16-bit mono WAV or FLAC file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from auffusion.audio.convert import to_int16
from auffusion.audio.encoding import ENCODERS
from auffusion.audio.metadata import check_metadata
from auffusion.audio.rates import check_rate
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
    if kind not in ENCODERS:
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
    return ENCODERS[kind](_to_integers(samples), sample_rate, words)


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
