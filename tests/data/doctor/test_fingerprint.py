import io

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from auffusion.data.doctor.fingerprint import (
    COURSE_SIZE,
    NEAR_LENGTH,
    SHAPE_SIZE,
    fingerprint,
    same_course,
)

NAMES = [
    *("bell", "burp", "crow", "door", "drums", "guitar"),
    *("phone", "printer", "roll", "steam", "till", "vinyl"),
]
RATE = 16_000


def floats(samples):
    return samples.astype(np.float32) / 32_768


def encoded(samples, container, rate=44_100):
    """What a listener gets of an encoded copy, at 16 kHz again."""
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(samples, RATE, rate), rate, format=container)
    file.seek(0)
    heard, _ = soundfile.read(file, dtype="float32")
    return soxr.resample(heard, rate, RATE)


COPIES = {
    "louder": lambda samples: 1.4 * samples,
    "much quieter": lambda samples: np.round(0.05 * samples * 32_768).astype(np.float32) / 32_768,
    "turned over": lambda samples: -samples,
    "moved by a constant": lambda samples: samples + np.float32(0.02),
    "resampled": lambda samples: soxr.resample(soxr.resample(samples, RATE, 44_100), 44_100, RATE),
    "MP3": lambda samples: encoded(samples, "MP3"),
    "Vorbis": lambda samples: encoded(samples, "OGG"),
    "with silence around": lambda samples: np.pad(samples, (4_877, 9_600)),
    "in 24 bits": lambda samples: np.round(samples * 2**23).astype(np.float32) / 2**23,
}


def alike(one, other):
    """As `neighbours` decides it, without the blocks."""
    a, b = fingerprint(one), fingerprint(other)
    shapes = [print.shape.astype(np.float32) for print in (a, b)]
    cosine = float(shapes[0] @ shapes[1] / np.linalg.norm(shapes[0]) / np.linalg.norm(shapes[1]))
    courses = [print.course.astype(np.float32)[None] for print in (a, b)]
    near = abs(a.length - b.length) <= NEAR_LENGTH
    return bool(near and cosine > 0.9985 and same_course(*courses)[0])


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_same_sound(real, name, copy):
    assert alike(floats(real[name]), COPIES[copy](floats(real[name])))


def test_different_sounds_are_not_alike(real):
    sounds = [floats(real[name]) for name in NAMES]
    # Made equally long, so that only the shape decides.
    sounds = [np.resize(sound, 32_000) for sound in sounds]
    for place, one in enumerate(sounds):
        for other in sounds[place + 1 :]:
            assert not alike(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_two_takes_of_one_recording_are_not_alike(real, name):
    sound = floats(real[name])
    half = len(sound) // 2
    assert not alike(sound[:half], sound[half : 2 * half])


def noise(seed, seconds, tilt):
    """A steady noise whose spectrum falls: the hardest to tell two takes of apart."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(RATE * seconds))
    hertz = np.fft.rfftfreq(RATE * seconds, 1 / RATE)
    sound = np.fft.irfft(spectrum / np.maximum(hertz, 50.0) ** tilt)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


# A short noise that is nearly white has hardly a shape; see the module.
@pytest.mark.parametrize(
    ("seconds", "tilt"), [(2, 0.5), (2, 1.0), (10, 0.25), (10, 1.0), (30, 0.25), (30, 1.0)]
)
def test_two_takes_of_a_steady_noise_are_not_alike_and_its_copies_are(seconds, tilt):
    one, other = noise(1, seconds, tilt), noise(2, seconds, tilt)
    assert not alike(one, other)
    assert alike(one, encoded(one, "MP3"))
    assert alike(one, encoded(one, "OGG"))


def test_a_steady_tone_is_alike_its_copy():
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(160_000) / RATE)).astype(np.float32)
    assert alike(tone, encoded(tone, "MP3"))
    assert not alike(tone, np.sin(2 * np.pi * 880 * np.arange(160_000) / RATE).astype(np.float32))


def test_lengths_apart_by_more_than_thirty_milliseconds_are_two_sounds():
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / RATE).astype(np.float32)
    assert alike(tone, tone[:-NEAR_LENGTH])
    assert not alike(tone, tone[: -NEAR_LENGTH - 160])


@pytest.mark.parametrize("length", [1, 159, 160, 1_999])
def test_what_is_too_short_has_no_fingerprint(length):
    assert fingerprint(np.ones(length, np.float32)) is None
    assert fingerprint(np.zeros(16_000, np.float32)) is None


@given(st.integers(2_000, 20_000), st.integers(0, 99), st.floats(1e-6, 1e6))
@settings(max_examples=60, deadline=None)
def test_every_sound_has_a_finite_fingerprint_of_the_stated_size(length, seed, level):
    samples = level * np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    print = fingerprint(samples.astype(np.float32))
    if print is not None:
        assert print.shape.shape == (SHAPE_SIZE,)
        assert print.course.shape == (COURSE_SIZE,)
        assert np.isfinite(print.shape).all()
        assert np.isfinite(print.course).all()
        assert np.linalg.norm(print.shape.astype(float)) == pytest.approx(1, abs=1e-2)
