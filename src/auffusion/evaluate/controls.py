"""What a score is when it should be bad, and when it could not be better: the ends of its scale.

Conventions
-----------
A control is a system like any other: a folder of sounds with the reference's names and lengths, or
the same clips in another order. What depends on chance depends on a seed and, for sounds, on the
clip's name, so that a clip's control stays the same in another list.

Controls
--------
* `halves`: the reference against itself, one random half against the other: what other recordings
  of the same kind would score. Of half as many clips, a Fréchet distance is higher than of all;
  copies of the very recordings can score less.
* `write_silence`, `write_noise`: silence, and white noise of -20 dB.
* `derangement`: every clip under another clip's caption, for the CLAP score and KL.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray

from auffusion.audio import encode_audio
from auffusion.errors import InputError
from auffusion.evaluate.pairing import Sound

NOISE_LEVEL = 0.1
"""Standard deviation of the white noise: -20 dB of full scale."""

_RATE = 16_000

Order = Int64[np.ndarray, " clip"]


def halves(clips: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two random halves of so many clips; of an odd number one is left out.

    >>> [sorted(half.tolist()) for half in halves(5, seed=0)]
    [[2, 4], [0, 3]]

    Raises:
        InputError: fewer than four clips.
    """
    if clips < 4:
        raise InputError(f"{clips} clips have no halves that could be compared: give at least 4")
    order = np.random.default_rng(seed).permutation(clips)
    return np.sort(order[: clips // 2]), np.sort(order[clips // 2 : clips // 2 * 2])


def derangement(clips: int, seed: int) -> Order:
    """An order in which no clip stays at its place, all such orders being equally likely.

    Raises:
        InputError: there is only one clip, or none.
    """
    if clips < 2:
        raise InputError(f"{clips} clips cannot change places: give at least 2")
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(clips)
        # One of e = 2.7 orders is one.
        if not (order == np.arange(clips)).any():
            return order


def write_silence(folder: Path, sounds: Iterable[Sound]) -> None:
    """For each sound a silent file of its name and length.

    Raises:
        OSError: the folder cannot be written to.
    """
    for sound in sounds:
        _write(folder, sound.name, torch.zeros(_frames(sound)))


def write_noise(folder: Path, sounds: Iterable[Sound], seed: int) -> None:
    """For each sound a file of white noise of its name and length.

    Raises:
        OSError: the folder cannot be written to.
    """
    for sound in sounds:
        named = int.from_bytes(hashlib.sha256(sound.name.encode()).digest()[:8])
        drawn = np.random.default_rng([seed, named]).normal(scale=NOISE_LEVEL, size=_frames(sound))
        _write(folder, sound.name, torch.from_numpy(drawn).float().clamp(-1.0, 1.0))


def _frames(sound: Sound) -> int:
    return max(1, round(sound.info.duration_s * _RATE))


def _write(folder: Path, name: str, samples: torch.Tensor) -> None:
    # Needed for a moment only: waiting for the disk, file by file, would take longer than all else.
    (folder / f"{name}.wav").write_bytes(encode_audio("wav", samples, sample_rate=_RATE))
