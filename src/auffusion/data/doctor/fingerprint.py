"""What a sound has in common with itself, louder, turned over, encoded or resampled.

Two vectors. The *shape*: log spectra in 30 bands of frames of 512 samples, averaged in 8 slices of
time, less their mean, at length 1; two sounds with a cosine above 0.9985 and trimmed lengths
within 30 ms have one shape. Ten seconds of rain have much the shape of other ten seconds of that
rain; what tells them apart is the *course*: levels of 4 bands in 32 slices, less their means over
time. In a steady noise it is nothing but chance: measured on coloured noises of 2 to 30 s, the
courses of two takes correlate by less than 0.2, those of a take and its MP3, Vorbis or Opus copy
by 0.83 and more. One of less than 0.1 dB is that of a tone and says nothing.

A short noise that is nearly white has hardly a shape, and a poor copy of it none: such copies are
missed, as are copies that begin or end elsewhere.

All bands end at 6 kHz, because encoders and low rates take what is above; levels stop 40 dB under
the loudest, and so do the ends: what is under that is the encoder's.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from auffusion.data.clips import SAMPLE_RATE

BANDS, SLICES = 30, 8
COURSE_BANDS, COURSE_SLICES = 4, 32
SHAPE_SIZE, COURSE_SIZE = BANDS * SLICES, COURSE_BANDS * COURSE_SLICES

NEAR_LENGTH = SAMPLE_RATE * 30 // 1000
"""Samples by which the lengths of one sound may differ."""

_FRAME, _HOP = 512, 256
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 6_000.0
_FLOOR = 1e-4
_SHORTEST = SAMPLE_RATE // 8
_GRAIN = SAMPLE_RATE // 200
_SAME_COURSE = 0.7
_FLAT_DB = 0.1


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What is compared of a sound."""

    length: int
    """Samples between its trimmed ends."""
    shape: NDArray[np.float16]
    """240 numbers of length 1."""
    course: NDArray[np.float16]
    """128 levels in dB, less their means."""


def fingerprint(samples: NDArray[np.float32]) -> Fingerprint | None:
    """The fingerprint of a sound at 16 kHz; None where it is too short to have one (125 ms)."""
    sound = _trimmed(samples - samples.mean(dtype=np.float64).astype(np.float32))
    if len(sound) < _SHORTEST:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FRAME).astype(np.float32), axis=1)) ** 2
    shape = _levels(power, _band_weights(BANDS), SLICES)
    shape -= shape.mean()
    course = _levels(power, _band_weights(COURSE_BANDS), COURSE_SLICES)
    course -= course.mean(axis=0)
    return Fingerprint(
        length=len(sound),
        shape=(shape / max(1e-9, float(np.linalg.norm(shape)))).ravel().astype(np.float16),
        course=course.ravel().astype(np.float16),
    )


def same_course(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the courses in the rows of two arrays are those of one sound.

    >>> rise = np.linspace([-9.0], [9.0], 128, dtype=np.float32).T
    >>> same_course(rise, rise), same_course(rise, -rise), same_course(0 * rise, 0 * rise)
    (array([ True]), array([False]), array([ True]))
    """
    here, there = (one**2).sum(axis=1), (other**2).sum(axis=1)
    alike = (one * other).sum(axis=1) > _SAME_COURSE * np.sqrt(here * there)
    flat = np.maximum(here, there) < COURSE_SIZE * _FLAT_DB**2
    return alike | flat


def _trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the ends that are 40 dB under the loudest 5 ms.

    By energy, not by samples: those at the ends of a copy are the encoder's.
    """
    whole = len(samples) // _GRAIN
    energy = (samples[: whole * _GRAIN].reshape(-1, _GRAIN) ** 2).mean(axis=1)
    loud = np.flatnonzero(energy > _FLOOR * energy.max(initial=0.0))
    return samples[loud[0] * _GRAIN : (loud[-1] + 1) * _GRAIN] if len(loud) else samples[:0]


def _levels(
    power: NDArray[np.float32], bands: NDArray[np.float32], slices: int
) -> NDArray[np.float32]:
    """Levels in dB by slice and band."""
    # No product of matrices here: BLAS starts threads for one of this size, in every worker, and
    # they wait for each other (measured: ten times the processor time).
    mean = np.einsum("sf,fb->sb", _slice_weights(len(power), slices), power) @ bands.T
    return 10 * np.log10(np.maximum(mean, max(1e-20, _FLOOR * float(mean.max()))))


def _slice_weights(frames: int, slices: int) -> NDArray[np.float32]:
    # Slices fade into each other, so that a frame more at the start changes little.
    place = (np.arange(frames) + 0.5) / frames * slices - 0.5
    return _fading(np.clip(place, 0, slices - 1), slices)


@cache
def _band_weights(bands: int) -> NDArray[np.float32]:
    """Bands of equal width in mel that fade into each other."""
    hertz = np.arange(_FRAME // 2 + 1) * (SAMPLE_RATE / _FRAME)
    low, high = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    place = (_mel(hertz) - low) / (high - low) * bands - 0.5
    # A narrow band between two bins of the spectrum takes a little of both.
    weights = _fading(place, bands, reach=1.2)
    weights[:, (hertz < _LOWEST_HZ) | (hertz > _HIGHEST_HZ)] = 0
    return weights


def _mel(hertz: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.log1p(hertz / 700.0)


def _fading(place: NDArray[np.floating], count: int, reach: float = 1.0) -> NDArray[np.float32]:
    """Triangles around 0, 1, … over places, each with the sum 1."""
    weights = np.maximum(0.0, reach - np.abs(place - np.arange(count)[:, None]))
    # Fewer frames than slices leave some empty: they take the nearest.
    empty = np.flatnonzero(weights.sum(axis=1) == 0)
    weights[empty, np.abs(place - empty[:, None]).argmin(axis=1)] = 1.0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
