"""How a baseline's sounds are made, besides prompt and seed."""

import math
from dataclasses import dataclass

from auffusion.errors import InputError

SAMPLE_RATE = 16_000
"""Samples a second of all that baselines give: the rate at which the paper measures."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a sound is made, besides its prompt and its seed."""

    steps: int | None
    """Denoising steps; None for a system that has none."""
    guidance: float
    """Guidance scale as its authors count it: 1 is none."""
    length_s: float
    """Seconds of sound."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps is {self.steps}, expected 1 or more")
        # Written so that NaN fails too.
        if not 0 <= self.guidance < math.inf:
            raise InputError(f"guidance is {self.guidance}, expected 0 or more")
        if not 0 < self.length_s < math.inf:
            raise InputError(f"length is {self.length_s}, expected seconds above 0")

    @property
    def samples(self) -> int:
        """Samples of sound at 16 kHz."""
        return max(1, round(self.length_s * SAMPLE_RATE))
