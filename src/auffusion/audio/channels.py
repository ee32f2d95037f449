"""A recording with all its channels: its own samples in, and out again as they were.

`read_audio` and `write_audio` know the sound of a model, 16 bits of one channel. Whoever changes a
part of a recording gives the rest back as it came.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.audio.decoder import AudioInfo, read_all_channels
from auffusion.audio.encoding import ENCODERS, FORMS, Encoding, Samples
from auffusion.audio.metadata import check_metadata
from auffusion.audio.rates import check_rate
from auffusion.errors import InputError
from auffusion.files import write_file

Channels = Float[Tensor, "channel time"]

_MOST_FLAC_CHANNELS = 8
_EIGHT_BITS = {"PCM_U8", "PCM_S8", "ULAW", "ALAW"}


def read_channels(path: str | Path, *, max_seconds: float = 600.0) -> tuple[Channels, AudioInfo]:
    """A file's own samples at its own rate, and what its header says.

    The numbers are exact: float32 holds samples of up to 24 bits, and others come as float64.

    Args:
        path: a WAV, FLAC, OGG (Vorbis or Opus) or MP3 file.
        max_seconds: longer files are refused.

    Raises:
        InputError: as for `read_audio`; also more samples than the memory should hold.
    """
    samples, info = read_all_channels(path, max_seconds=max_seconds)
    return torch.from_numpy(np.ascontiguousarray(samples.T)), info


def encoding_that_keeps(info: AudioInfo) -> Encoding:
    """An encoding that loses nothing of a file's samples.

    Those of MP3 and OGG, which are no whole numbers, are rounded to 24 bits: below what can be
    heard, and below what their encoders lost.
    """
    for encoding in FORMS:
        if encoding == info.encoding:
            return encoding
    # A-law and µ-law are tables of 16-bit numbers.
    return "PCM_16" if info.encoding in _EIGHT_BITS else "PCM_24"


def check_encoding(path: str | Path, encoding: Encoding, channels: int) -> None:
    """Refuse a file whose kind cannot hold such samples.

    Raises:
        InputError: another suffix than .wav or .flac, or a FLAC file of more than 24 bits or more
            than eight channels.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ENCODERS:
        raise InputError(f"cannot write {path}: its name must end in .wav or .flac")
    if kind == "flac" and (encoding not in {"PCM_16", "PCM_24"} or channels > _MOST_FLAC_CHANNELS):
        raise InputError(
            f"cannot write {path}: FLAC does not hold {channels} channels of {encoding} samples "
            "without a loss; name a .wav file"
        )


def in_encoding(channels: Channels, encoding: Encoding) -> Samples:
    """The samples [time channel] as a file holds them.

    Integers are truncated towards zero and saturate, as in `to_int16`; what came out of a file of
    this encoding goes in again unchanged.

    >>> in_encoding(torch.tensor([[0.5, -7.0]]), "PCM_24").tolist()
    [[4194304], [-8388608]]

    Raises:
        InputError: a sample is NaN or infinite.
    """
    if not bool(torch.isfinite(channels).all()):
        raise InputError("the sound holds NaN or infinite samples, which no file can store")
    form = FORMS[encoding]
    samples = channels.detach().cpu().T.numpy()
    if form.floating:
        return samples.astype(form.dtype)
    top = float(2 ** (form.bits - 1))
    return np.clip(np.trunc(samples.astype(np.float64) * top), -top, top - 1).astype(form.dtype)


def from_encoding(samples: Samples, encoding: Encoding) -> Channels:
    """Samples of `in_encoding` as numbers in [-1, 1], exactly."""
    form = FORMS[encoding]
    exact = samples.astype(np.float64)
    scaled = exact if form.floating else exact / 2 ** (form.bits - 1)
    return torch.from_numpy(np.ascontiguousarray(scaled.T))


def write_channels(
    path: str | Path,
    samples: Channels | Samples,
    *,
    sample_rate: int,
    encoding: Encoding = "PCM_16",
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a WAV or FLAC file, whole or not at all; the suffix says which.

    The same samples and metadata always give the same bytes.

    Args:
        path: its folder must exist; an older file is replaced.
        samples: a tensor [channel time] in [-1, 1], or what `in_encoding` made of one.
        sample_rate: in Hz.
        encoding: what a sample is in the file (`encoding_that_keeps`).
        metadata: texts by the names in `METADATA_KEYS`; an empty one is left out.

    Raises:
        InputError: as for `check_encoding`, a full disk or an unwritable folder.
    """
    check_rate(sample_rate)
    samples = in_encoding(samples, encoding) if isinstance(samples, Tensor) else samples
    check_encoding(path, encoding, samples.shape[1])
    words = {key: text for key, text in (metadata or {}).items() if text}
    check_metadata(words)
    encoder = ENCODERS[Path(path).suffix.lower().removeprefix(".")]
    write_file(path, encoder(samples, sample_rate, words, encoding))
