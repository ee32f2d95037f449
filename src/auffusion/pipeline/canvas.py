"""How large a sound is: in seconds, samples, frames and latent columns."""

import math
from dataclasses import dataclass

from auffusion.errors import InputError
from auffusion.mel import MelConfig

SHORTEST_S = 0.5
"""Seconds of the shortest sound: below, the picture is smaller than the U-Net's field of view."""
LONGEST_S = 600.0
"""Seconds of the longest sound, ten minutes: what is longer is a mistake or fills the memory."""


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """The sizes that a model's parts impose on each other."""

    mel: MelConfig
    """The front-end that the model was trained with."""
    pixels: int
    """Picture rows and columns to one latent row and column: the VAE's factor."""
    step: int
    """Latent rows and columns come in multiples of this: the U-Net's factor."""
    frames: int
    """Mel frames of a training window."""

    def __post_init__(self) -> None:
        grid = self.pixels * self.step
        if self.frames < grid or self.frames % grid or self.mel.bands % grid:
            raise InputError(
                f"a canvas of {self.mel.bands} bands and {self.frames} frames does not fit this "
                f"VAE and U-Net: both must be multiples of {grid}"
            )

    @property
    def rows(self) -> int:
        """Height of a latent."""
        return self.mel.bands // self.pixels

    @property
    def window(self) -> int:
        """Latent columns of a training window."""
        return self.frames // self.pixels

    @property
    def overlap(self) -> int:
        """Latent columns that two windows of a longer sound share at least: a quarter."""
        return self.window // 4

    def samples(self, length_s: float | None) -> int:
        """Samples of a sound of so many seconds; None is one training window.

        Raises:
            InputError: a length out of range.
        """
        if length_s is None:
            return self.frames * self.mel.hop_length
        # Written so that NaN fails too.
        if not SHORTEST_S <= length_s <= LONGEST_S:
            raise InputError(
                f"a length of {length_s} s is out of range: choose {SHORTEST_S} to {LONGEST_S} s"
            )
        return round(length_s * self.mel.sample_rate)

    def frames_of(self, samples: int) -> int:
        """Mel frames that a sound of so many samples has begun."""
        return math.ceil(samples / self.mel.hop_length)

    def columns(self, samples: int) -> int:
        """Latent columns that hold so many samples, in steps of the U-Net's.

        >>> canvas = Canvas(mel=MelConfig(), pixels=8, step=8, frames=1024)
        >>> [canvas.columns(round(seconds * 16_000)) for seconds in (0.5, 1.0, 10.24, 10.25)]
        [8, 16, 128, 136]
        """
        return math.ceil(self.frames_of(samples) / (self.pixels * self.step)) * self.step
