"""How much of a sound lies in tops that were cut off."""

import numpy as np
from numpy.typing import NDArray

_FLAT = 0.999
_EDGE = 0.98
_SHORTEST = 3
_QUIETEST = 0.1


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of the samples in cut-off tops.

    Such a top is a run of at least three samples within 0.1 % of the highest sample of its sign,
    or of full scale where that is lower, with a step of at least 2 % beside it. A smooth top of
    three such samples falls by no more than 0.4 % in the next: a parabola `1 - a t²` that loses
    0.1 % over `h ≥ 1` samples loses `0.1 % (1 + 1 / h)²` over one more. So a low tone is not taken
    for a clipped one, whatever its pitch and level. Sounds under -20 dB are not judged: the steps
    of 8 bits look the same there.

    Tops are flat only at the rate and in the channel in which they were cut: give samples that
    were not resampled.

    >>> tone = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    >>> clipped_share(tone), clipped_share(np.clip(2 * tone, -1, 1)) > 0.6
    (0.0, True)
    """
    cut = _cut(samples, float(samples.max(initial=0.0)))
    cut += _cut(-samples, float(-samples.min(initial=0.0)))
    return cut / max(1, len(samples))


def _cut(samples: NDArray[np.float32], top: float) -> int:
    """Samples in cut-off tops above zero."""
    top = min(top, 1.0)
    if top < _QUIETEST:
        return 0
    flat = np.zeros(len(samples) + 2, np.int8)
    flat[1:-1] = samples >= _FLAT * top
    steps = np.diff(flat)
    first, behind = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    # The samples beside a run; at an end of the sound there is none, which is no step.
    padded = np.pad(samples, 1, constant_values=top)
    lowest = np.minimum(padded[first], padded[behind + 1])
    lengths = behind - first
    return int(lengths[(lengths >= _SHORTEST) & (lowest <= _EDGE * top)].sum())
