"""A sound file as it was found: what it holds, or why it holds nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auffusion.audio.decoder import read_all_channels
from auffusion.errors import InputError
from auffusion.evaluate.condition import Condition, condition
from auffusion.evaluate.embedding_cache import sound_digest


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
    level_db: float = 0.0
    """Root mean square of all samples in dB of full scale."""
    silent: bool = False
    """Whether nothing can be heard (`auffusion.evaluate.condition`)."""
    clipped: bool = False
    """Whether it was cut off at the top."""
    padded_for: tuple[str, ...] = ()
    """Networks that hear silence behind it, because they need a longer sound."""

    @property
    def duration_s(self) -> float:
        """Length in seconds; 0 where it cannot be read."""
        return self.frames / self.sample_rate if self.sample_rate else 0.0

    @property
    def condition(self) -> Condition:
        """Its state; of a sound that can be read."""
        return Condition(
            duration_s=self.duration_s,
            sample_rate=self.sample_rate,
            channels=self.channels,
            level_db=self.level_db,
            silent=self.silent,
            clipped=self.clipped,
        )


def hear(path: Path) -> tuple[HeardSound, NDArray[np.float32]]:
    """A file, and its samples [channel, time] at its own rate; none where it cannot be read."""
    try:
        samples, info = read_all_channels(path)
    except InputError as error:
        return HeardSound(path=str(path), fault=str(error)), np.zeros((0, 0), np.float32)
    channels = np.ascontiguousarray(samples.T, np.float32)
    state = condition(channels, info.sample_rate)
    heard = HeardSound(
        path=str(path),
        digest=sound_digest(channels, info.sample_rate),
        sample_rate=info.sample_rate,
        channels=info.channels,
        frames=channels.shape[1],
        level_db=state.level_db,
        silent=state.silent,
        clipped=state.clipped,
    )
    return heard, channels
