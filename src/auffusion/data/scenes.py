"""Clips in memory, and ten-second scenes composed of them.

Most clips last one or two seconds and a model trained on them padded with silence learns silence.
A scene fills the canvas instead: takes of one sound follow each other with irregular gaps, long
sounds are looped with cross-fades. All randomness comes from the scene's own seed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.drawing import CANVAS
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError

_FADE = SAMPLE_RATE // 50
_CROSSFADE = SAMPLE_RATE // 4
_LONG_S = 4.0
# Of scenes with two sounds: how many are sequences; how much softer one of them is at most.
_SEQUENCES = 0.35
_SOFTER_DB = 8.0
# Half of the clips are instruments, which are asked for far less often than sounds.
_KIND_SHARE = {"music": 0.3, "fx": 0.6}


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A clip with its samples, float32 in [-1, 1]."""

    clip: Clip
    samples: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A scene of two sounds."""

    samples: NDArray[np.float32]
    """`CANVAS` samples, peak at most 1."""
    clips: tuple[Clip, Clip]
    """Those whose captions describe it, in order."""
    together: bool
    """Whether both are heard all the time, or the second follows the first."""


def load_sounds(folder: Path, split: str) -> list[Sound]:
    """All clips of a split (`train` or `validation`), decoded.

    Raises:
        InputError: the folder is no prepared data set, or it is damaged.
    """
    data = PreparedData(folder)
    return [
        Sound(clip=data.clip(number), samples=np.float32(1 / 32768) * data.samples(number))
        for number in data.of_split(split)
    ]


class SceneComposer:
    """Draws scenes, each of one caption, from a set of sounds.

    Raises:
        InputError: there are no sounds.
    """

    def __init__(self, sounds: Sequence[Sound]) -> None:
        if not sounds:
            raise InputError("there are no sounds to compose of: prepare the sound library first")
        self.by_caption: dict[str, list[Sound]] = defaultdict(list)
        labels: dict[str, set[str]] = defaultdict(set)
        count: dict[str, int] = defaultdict(int)
        kinds: dict[str, str] = {}
        for sound in sounds:
            self.by_caption[sound.clip.captions[0]].append(sound)
            labels[sound.clip.label].add(sound.clip.captions[0])
            count[sound.clip.label] += 1
            kinds[sound.clip.label] = _kind(sound.clip)
        self.labels = sorted(labels)
        self.captions_of = {label: sorted(labels[label]) for label in self.labels}
        share = {label: _KIND_SHARE.get(kind, 1.0) for label, kind in kinds.items()}
        # The power lies between all clips alike (growls and guitar strums would rule) and all
        # classes alike (most of a small model would go to classes of one clip, learnt by heart).
        weight = np.array([count[label] ** 0.75 * share[label] for label in self.labels])
        self.weights = weight / weight.sum()

    def compose(self, seed: int) -> tuple[NDArray[np.float32], Clip]:
        """A scene of `CANVAS` samples, peak at most 1, and the clip whose captions describe it."""
        rng = np.random.default_rng(seed)
        takes = self._takes(rng)
        first = takes[int(rng.integers(len(takes)))]
        if first.clip.seconds >= _LONG_S and _kind(first.clip) != "music":
            scene = _looped(first.samples, rng)
        else:
            scene = _repeated(first, takes, rng)
        return scene / max(1e-6, np.abs(scene).max()), first.clip

    def mix(self, seed: int) -> Mixture:
        """Two scenes heard together, one of them softer, or one after the other."""
        rng = np.random.default_rng((seed, 1))
        (first, one), (second, other) = (self.compose(int(rng.integers(1 << 62))) for _ in range(2))
        together = rng.random() >= _SEQUENCES
        mixed = (_both if together else _one_after_the_other)(first, second, rng)
        samples = mixed / max(1e-6, np.abs(mixed).max())
        return Mixture(samples=samples, clips=(one, other), together=together)

    def _takes(self, rng: np.random.Generator) -> list[Sound]:
        """All sounds of one caption."""
        label = self.labels[rng.choice(len(self.labels), p=self.weights)]
        captions = self.captions_of[label]
        sizes = np.sqrt([len(self.by_caption[caption]) for caption in captions])
        return self.by_caption[captions[rng.choice(len(captions), p=sizes / sizes.sum())]]


def _kind(clip: Clip) -> str:
    """`sound`, `fx` or `music`, where the data set says so."""
    return str(clip.extra.get("kind", "sound"))


def _faded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without a click at either end."""
    ramp = np.minimum(1.0, np.arange(len(samples), dtype=np.float32) / min(_FADE, len(samples) / 4))
    return samples * ramp * ramp[::-1]


def _repeated(
    first: Sound, takes: Sequence[Sound], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Takes one after the other, irregularly spaced, a little louder or softer each."""
    scene = np.zeros(CANVAS, np.float32)
    at = int(rng.uniform(0.0, 0.4) * SAMPLE_RATE)
    # One spacing a scene: steps come evenly, barks in bouts, and both must be seen.
    gap_s = float(rng.choice([0.05, 0.2, 0.5, 1.0]))
    sound = first
    while at < CANVAS - SAMPLE_RATE // 10:
        level = 10 ** (rng.uniform(-6.0, 0.0) / 20) / max(0.05, np.abs(sound.samples).max())
        piece = _faded(sound.samples[: CANVAS - at]) * level
        scene[at : at + len(piece)] += piece
        at += len(piece) + int(rng.exponential(gap_s) * SAMPLE_RATE)
        sound = takes[int(rng.integers(len(takes)))]
    return scene


def _both(
    first: NDArray[np.float32], second: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Either softened: who is named first is not always the louder one."""
    level = np.float32(10 ** (rng.uniform(-_SOFTER_DB, 0.0) / 20))
    return first + level * second if rng.random() < 0.5 else level * first + second


def _one_after_the_other(
    first: NDArray[np.float32], second: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """The beginning of one scene and the end of another, cross-faded somewhere in the middle."""
    at = int(rng.uniform(0.35, 0.65) * CANVAS)
    rise = np.zeros(CANVAS, np.float32)
    rise[at:] = 1.0
    rise[at - _CROSSFADE // 2 : at + _CROSSFADE // 2] = np.linspace(
        0.0, 1.0, 2 * (_CROSSFADE // 2), dtype=np.float32
    )
    return first * np.sqrt(1 - rise) + second * np.sqrt(rise)


def _looped(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A long sound from a random place on, going round with a cross-fade of equal power."""
    fade = min(_CROSSFADE, len(samples) // 4)
    # The loop is shorter by the cross-fade: the sound's end is laid over its beginning.
    rise = np.sin(np.linspace(0.0, np.pi / 2, fade, dtype=np.float32))
    ring = samples[: len(samples) - fade].copy()
    ring[:fade] = ring[:fade] * rise + samples[len(samples) - fade :] * rise[::-1]
    start = int(rng.integers(len(ring)))
    return np.resize(np.roll(ring, -start), CANVAS)
