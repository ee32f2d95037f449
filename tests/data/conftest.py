import numpy as np
import pytest
import soundfile

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.scenes import Sound


@pytest.fixture
def clip():
    """A clip with what is given, and plain values for the rest."""

    def make(**given):
        plain = {
            "id": "0",
            "path": "clips/0.flac",
            "captions": ["a dog barking"],
            "label": "dog",
            "kind": "sound",
            "seconds": 1.0,
            "split": "train",
            "package": "tiny-sounds",
            "version": "tiny-sounds_1.0-1_all.deb",
            "source": "usr/share/tiny/bark.wav",
            "part": None,
            "license": "CC0-1.0",
            "tier": "free",
            "rendered": False,
        }
        return Clip(**{**plain, **given})

    return make


@pytest.fixture
def tone_sound(clip):
    """A sound that is one tone throughout."""

    def make(seconds, hz=440.0, level=0.5, **given):
        moments = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        samples = (level * np.sin(2 * np.pi * hz * moments)).astype(np.float32)
        return Sound(clip=clip(seconds=float(seconds), **given), samples=samples)

    return make


@pytest.fixture
def write_tone():
    """A tone in a sound file of any rate and number of channels."""

    def write(path, seconds=0.5, hz=1000.0, level=0.5, rate=16_000, channels=1):
        moments = np.arange(round(seconds * rate)) / rate
        tone = level * np.sin(2 * np.pi * hz * moments)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate)

    return write
