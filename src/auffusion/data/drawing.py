"""Which clip a training step sees, and which part of it: a function of (seed, step, slot) alone.

Nothing is remembered between draws, so there is no loader's state to save or to lose: any number of
workers draws the same, and a resumed run goes on exactly where it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auffusion.data.clips import SAMPLE_RATE
from auffusion.errors import InputError

CROP = 10 * SAMPLE_RATE
"""Samples of a training crop: ten seconds (§4.1)."""

CANVAS = 163_840
"""Samples that a crop is padded to: 10.24 s, 1024 frames (§4.1)."""

_FRAME = SAMPLE_RATE // 50
# A frame sounds when it reaches a hundredth of the clip's peak: -40 dB.
_SOUNDING = 0.01
_ROUNDS = 6
_PURPOSES = ("order", "crop", "caption", "noise", "timestep", "drop", "network")


def generator(seed: int, step: int, slot: int, purpose: str) -> np.random.Generator:
    """The randomness of one slot of one step, for one purpose.

    Philox is a function of key and counter (Salmon et al. 2011): nothing has to be drawn before.

    Args:
        seed: of the run.
        step: number of the training step.
        slot: place in the global batch, over all processes.
        purpose: `order`, `crop`, `caption`, `noise`, `timestep`, `drop` or `network`, which is for
            what a network draws itself.
    """
    counter = np.array([0, slot, step, _PURPOSES.index(purpose)], np.uint64)
    return np.random.Generator(np.random.Philox(key=seed, counter=counter))


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The order in which a run sees clips: all of them once in every epoch, each time shuffled."""

    seed: int
    """Of the run."""
    count: int
    """Number of clips."""
    batch: int
    """Clips of a step, over all processes."""

    def __post_init__(self) -> None:
        if self.count < 1 or self.batch < 1:
            raise InputError(
                f"{self.count} clips in batches of {self.batch}: there must be at least one of both"
            )

    def clip(self, step: int, slot: int) -> int:
        """Number of the clip in a slot of a step.

        >>> draws = Draws(seed=0, count=6, batch=3)
        >>> sorted(draws.clip(step, slot) for step in (4, 5) for slot in range(3))
        [0, 1, 2, 3, 4, 5]
        """
        epoch, place = divmod(step * self.batch + slot, self.count)
        return shuffled(place, self.count, self.seed, epoch)


def shuffled(place: int, count: int, seed: int, epoch: int) -> int:
    """The element at a place of a shuffled range(count), without shuffling the range.

    A Feistel network permutes the numbers below the next power of four; those that fall outside
    go through it again until they fall inside (Black and Rogaway 2002, cycle walking).
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    keys = _round_keys(seed, epoch)
    value = _feistel(place, half, keys)
    while value >= count:
        value = _feistel(value, half, keys)
    return value


def _round_keys(seed: int, epoch: int) -> list[int]:
    return [int(key) for key in generator(seed, epoch, 0, "order").integers(1 << 32, size=_ROUNDS)]


def _feistel(value: int, half: int, keys: list[int]) -> int:
    mask = (1 << half) - 1
    left, right = value >> half, value & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & mask)
    return (left << half) | right


def _mixed(value: int) -> int:
    """Bits of a 32-bit number spread over all of it (the finaliser of MurmurHash3)."""
    value &= 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return value ^ (value >> 16)


def crop_start(samples: NDArray[np.int16], length: int, rng: np.random.Generator) -> int:
    """Where a random crop begins; never in a silence of a clip that sounds.

    A crop may begin anywhere, as long as half a second in it sounds, or all that sounds in the
    clip where that is less. The published code lost a third of its crops to silence.

    Args:
        samples: the clip.
        length: samples of the crop; a clip that is not longer begins at 0.
        rng: decides.
    """
    if len(samples) <= length:
        return 0
    latest = len(samples) - length
    starts = np.arange(0, latest + 1, _FRAME)
    # Frames that lie inside wherever in its own frame the crop begins.
    heard = _heard(samples, starts // _FRAME + 1, (starts + length) // _FRAME)
    enough = min(SAMPLE_RATE // 2 // _FRAME, int(heard.max()))
    if not enough:
        loudest = int(np.abs(samples.astype(np.int32)).argmax())
        return min(max(0, loudest - length // 2), latest)
    chosen = int(starts[rng.choice(np.flatnonzero(heard >= enough))])
    return min(chosen + int(rng.integers(_FRAME)), latest)


def _heard(
    samples: NDArray[np.int16], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many frames that sound lie between two frames."""
    whole = len(samples) // _FRAME
    peaks = np.abs(samples[: whole * _FRAME].astype(np.int32)).reshape(-1, _FRAME).max(axis=1)
    sounding = peaks >= max(1.0, _SOUNDING * float(peaks.max()))
    count = np.concatenate([[0], np.cumsum(sounding)])
    return np.maximum(0, count[np.minimum(last, whole)] - count[np.minimum(first, whole)])


def canvas(
    samples: NDArray[np.int16], rng: np.random.Generator, *, crop: int = CROP, width: int = CANVAS
) -> NDArray[np.float32]:
    """A training example of a clip: a random crop, silence behind it up to the canvas.

    >>> canvas(np.full(80_000, 16_384, np.int16), np.random.default_rng(0)).shape
    (163840,)
    """
    start = crop_start(samples, crop, rng)
    piece = samples[start : start + min(crop, width)]
    out = np.zeros(width, np.float32)
    out[: len(piece)] = piece / 32768.0
    return out
