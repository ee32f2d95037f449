"""A sound file as it was found: what it holds, or why it holds nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auffusion.audio.decoder import read_all_channels
from auffusion.errors import InputError
from auffusion.evaluate.embedding_cache import sound_digest

_ONE_STEP = 2.0**-15  # of 16 bits


@dataclass(frozen=True, kw_only=True)
class HeardSound:
    """What is told of every file, whether it can be measured or not."""

    path: str
    """As it was asked for."""
    fault: str = ""
    """One sentence where it cannot be read; then the rest is empty."""
    digest: str = ""
    """SHA-256 of its samples."""
    sample_rate: int = 0
    """In Hz."""
    channels: int = 0
    """How many there are."""
    frames: int = 0
    """Samples of each channel."""
    peak: float = 0.0
    """The largest sample's size, of 1."""
    clipped: float = 0.0
    """Share of samples that are at full scale."""
    padded_for: tuple[str, ...] = ()
    """Networks that hear silence behind it, because they need a longer sound."""

    @property
    def duration_s(self) -> float:
        """Length in seconds; 0 where it cannot be read."""
        return self.frames / self.sample_rate if self.sample_rate else 0.0

    @property
    def silent(self) -> bool:
        """Whether no sample leaves the smallest step of 16 bits."""
        return not self.fault and self.peak <= _ONE_STEP


def hear(path: Path) -> tuple[HeardSound, NDArray[np.float32]]:
    """A file, and its samples [channel, time] at its own rate; none where it cannot be read."""
    try:
        samples, info = read_all_channels(path)
    except InputError as error:
        return HeardSound(path=str(path), fault=str(error)), np.zeros((0, 0), np.float32)
    channels = np.ascontiguousarray(samples.T, np.float32)
    sizes = np.abs(channels)
    heard = HeardSound(
        path=str(path),
        digest=sound_digest(channels, info.sample_rate),
        sample_rate=info.sample_rate,
        channels=info.channels,
        frames=channels.shape[1],
        peak=float(sizes.max()),
        clipped=float((sizes >= 1.0 - _ONE_STEP).mean()),
    )
    return heard, channels
