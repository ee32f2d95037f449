from dataclasses import fields

import numpy as np
import pytest
import soundfile

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.scenes import Sound


@pytest.fixture
def clip():
    """A clip with what is given, and plain values for the rest; what no field is named after is
    an extra of it."""

    def make(**given):
        plain = {
            "id": "tiny-0",
            "dataset": "tiny",
            "path": "shards/train-00000.tar",
            "captions": ("a dog barking",),
            "labels": ("dog",),
            "seconds": 1.0,
            "split": "train",
            "source": "tiny-sounds/usr/share/tiny/bark.wav",
            "license": "CC0-1.0",
        }
        names = {field.name for field in fields(Clip)}
        extra = {name: value for name, value in given.items() if name not in names}
        own = {name: value for name, value in given.items() if name in names}
        return Clip(**{**plain, **own, "extra": extra})

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
