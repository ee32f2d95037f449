"""Random pieces of sound for a step of training, drawn from the step's own seed."""

import numpy as np
import torch

from auffusion.data.scenes import Sound
from auffusion.mel.spectrogram import PEAK
from auffusion.shapes import Waveform


def draw_segments(sounds: list[Sound], samples: int, batch: int, key: tuple[int, ...]) -> Waveform:
    """Random segments at random levels; silence fills what a short clip leaves."""
    rng = np.random.default_rng(key)
    # Longer clips hold more to learn from, but short ones are most of what is asked for.
    weight = np.array([min(4.0, 0.5 + sound.clip.seconds) for sound in sounds])
    chosen = rng.choice(len(sounds), size=batch, p=weight / weight.sum())
    out = np.zeros((batch, samples), np.float32)
    for row, index in enumerate(chosen):
        x = sounds[index].samples
        spare = len(x) - samples
        start = int(rng.integers(min(0, spare), max(0, spare) + 1))
        piece = x[max(0, start) : max(0, start + samples)]
        at = max(0, -start)
        out[row, at : at + len(piece)] = piece[: samples - at]
        level = PEAK * 10 ** (rng.uniform(-12.0, 0.0) / 20)
        out[row] *= level / max(0.02, np.abs(out[row]).max())
    return torch.from_numpy(out)
