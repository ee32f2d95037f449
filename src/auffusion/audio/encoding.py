"""16-bit mono samples to the bytes of a WAV or FLAC file."""

import io
from collections.abc import Mapping

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from auffusion.audio.metadata import METADATA_KEYS
from auffusion.audio.riff import wav_bytes


def to_wav(samples: NDArray[np.int16], sample_rate: int, metadata: Mapping[str, str]) -> bytes:
    """A WAV file; texts by the names in `METADATA_KEYS`."""
    tags = {METADATA_KEYS[key]: text for key, text in metadata.items()}
    return wav_bytes(samples.astype("<i2").tobytes(), sample_rate=sample_rate, tags=tags)


def to_flac(samples: NDArray[np.int16], sample_rate: int, metadata: Mapping[str, str]) -> bytes:
    """A FLAC file; texts by the names in `METADATA_KEYS`."""
    buffer = io.BytesIO()
    with sf.SoundFile(
        buffer, "w", samplerate=sample_rate, channels=1, subtype="PCM_16", format="FLAC"
    ) as sound:
        for key, text in metadata.items():
            setattr(sound, key, text)
        sound.write(samples)
    return buffer.getvalue()


ENCODERS = {"wav": to_wav, "flac": to_flac}
"""By the suffix of a file's name."""
