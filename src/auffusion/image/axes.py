"""Round numbers on the axes of a spectrogram: seconds, and Hz in mel spacing."""

from collections.abc import Iterator

import numpy as np

from auffusion.mel import MelConfig
from auffusion.mel.filterbank import hz_to_mel


def second_ticks(duration_s: float, most: int = 11) -> Iterator[tuple[float, str]]:
    """Round times of which at most so many fit into the sound."""
    steps = (base * 10.0**power for power in range(-3, 5) for base in (1, 2, 5))
    step = next(step for step in steps if duration_s / step < most)
    for index in range(int(duration_s / step + 1e-6) + 1):
        yield index * step, f"{index * step:.3f}".rstrip("0").rstrip(".")


def hertz_ticks(config: MelConfig) -> Iterator[tuple[float, str]]:
    """Frequencies with their height in the picture, 0 (bottom) to 1."""
    for hertz in (0, 250, 500, 1000, 2000, 4000, 8000, 16000):
        if config.low_hz <= hertz <= config.high_hz:
            yield height_of(float(hertz), config), str(hertz)


def height_of(hertz: float, config: MelConfig) -> float:
    """Where a frequency lies in the picture, 0 (bottom) to 1."""
    low, high, wanted = hz_to_mel(np.array([config.low_hz, config.high_hz, hertz]))
    # The edges of the bands split the mel range evenly into bands + 1 steps, and the
    # middle of band b, half a row above its lower side, is edge b + 1.
    edge = (wanted - low) / (high - low) * (config.bands + 1)
    return float(np.clip((edge - 0.5) / config.bands, 0.0, 1.0))
