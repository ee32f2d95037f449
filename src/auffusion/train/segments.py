"""Random pieces of sound for a step of training, drawn from the step's own seed."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.scenes import Sound
from auffusion.errors import InputError
from auffusion.mel.spectrogram import PEAK
from auffusion.shapes import Waveform


def draw_segments(
    sounds: Sequence[Sound], samples: int, batch: int, key: tuple[int, ...]
) -> Waveform:
    """Random segments at random levels; silence fills what a short clip leaves.

    Args:
        sounds: to draw from.
        samples: length of a segment.
        batch: number of segments.
        key: seed of all draws, such as (seed, step, rank).

    Raises:
        InputError: there are no sounds.
    """
    if not sounds:
        raise InputError("there are no sounds to train on: prepare the sound library first")
    rng = np.random.default_rng(key)
    # Longer clips hold more to learn from, but short ones are most of what is asked for.
    weight = np.array([min(4.0, 0.5 + sound.clip.seconds) for sound in sounds])
    chosen = rng.choice(len(sounds), size=batch, p=weight / weight.sum())
    rows = [_segment(sounds[int(index)].samples, samples, rng) for index in chosen]
    return torch.from_numpy(np.stack(rows))


def _segment(
    sound: NDArray[np.float32], samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    out = np.zeros(samples, np.float32)
    spare = len(sound) - samples
    start = int(rng.integers(min(0, spare), max(0, spare) + 1))
    piece = sound[max(0, start) : max(0, start + samples)]
    at = max(0, -start)
    out[at : at + len(piece)] = piece[: samples - at]
    level = PEAK * 10 ** (rng.uniform(-12.0, 0.0) / 20)
    # A nearly silent piece is not blown up to the level of a sound.
    out *= level / max(0.02, np.abs(out).max())
    return out
