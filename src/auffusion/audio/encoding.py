"""Samples to the bytes of a WAV or FLAC file."""

import io
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from auffusion.audio.metadata import METADATA_KEYS
from auffusion.audio.riff import wav_bytes

Encoding = Literal["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]
"""What a sample is in a file, as soundfile calls it."""


class _Form(NamedTuple):
    bits: int
    floating: bool
    dtype: str


FORMS: Mapping[Encoding, _Form] = {
    "PCM_16": _Form(16, False, "<i2"),
    "PCM_24": _Form(24, False, "<i4"),
    "PCM_32": _Form(32, False, "<i4"),
    "FLOAT": _Form(32, True, "<f4"),
    "DOUBLE": _Form(64, True, "<f8"),
}
"""Bits of a sample, whether it is a float, and the numbers it comes in."""

Samples = NDArray[Any]
"""[time] or [time channel] in the numbers of an encoding; 24 bits are the lower ones of 32."""


def to_wav(
    samples: Samples, sample_rate: int, metadata: Mapping[str, str], encoding: Encoding = "PCM_16"
) -> bytes:
    """A WAV file; texts by the names in `METADATA_KEYS`."""
    form = FORMS[encoding]
    return wav_bytes(
        sample_bytes(samples, encoding),
        sample_rate=sample_rate,
        tags={METADATA_KEYS[key]: text for key, text in metadata.items()},
        channels=_channels(samples),
        bits=form.bits,
        floating=form.floating,
    )


def to_flac(
    samples: Samples, sample_rate: int, metadata: Mapping[str, str], encoding: Encoding = "PCM_16"
) -> bytes:
    """A FLAC file of 16 or 24 bits; texts by the names in `METADATA_KEYS`."""
    buffer = io.BytesIO()
    with sf.SoundFile(
        buffer,
        "w",
        samplerate=sample_rate,
        channels=_channels(samples),
        subtype=encoding,
        format="FLAC",
    ) as sound:
        for key, text in metadata.items():
            setattr(sound, key, text)
        # Of 32 bits libsndfile keeps the upper 24.
        sound.write(samples << 8 if encoding == "PCM_24" else samples)
    return buffer.getvalue()


def sample_bytes(samples: Samples, encoding: Encoding) -> bytes:
    """Little-endian bytes of the samples, as a WAV file holds them."""
    form = FORMS[encoding]
    data = np.ascontiguousarray(samples.astype(form.dtype))
    if encoding != "PCM_24":
        return data.tobytes()
    return data.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _channels(samples: Samples) -> int:
    return 1 if samples.ndim == 1 else samples.shape[1]


ENCODERS: Mapping[str, Callable[..., bytes]] = {"wav": to_wav, "flac": to_flac}
"""By the suffix of a file's name."""
