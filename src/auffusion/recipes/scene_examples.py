"""Composed scenes as a denoiser's examples: latents, and rows of captions that describe them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from auffusion.data.clips import Clip
from auffusion.data.scenes import Mixture, SceneComposer
from auffusion.errors import InputError
from auffusion.shapes import Latent
from auffusion.train.examples import Chosen, Rows


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Scenes with their captions, encoded once; they are the clips of a run, by number."""

    latents: Latent
    """Scaled to unit variance."""
    words: Sequence[Sequence[int]]
    """For each scene, rows of `features` that describe it."""
    features: Float[Tensor, "caption token feature"]
    """Encoder rows of every caption, zero behind its last token, before the adapter."""

    def __post_init__(self) -> None:
        if len(self.words) != len(self.latents):
            raise InputError(f"{len(self.latents)} scenes came with {len(self.words)} captions")

    def __len__(self) -> int:
        return len(self.latents)

    def draw(
        self,
        clips: Sequence[int],
        rngs: Sequence[np.random.Generator],  # noqa: ARG002
    ) -> Sequence[NDArray[np.float32]]:
        """The scenes' latents; a scene is composed at random already."""
        return [self.latents[clip].float().numpy() for clip in clips]

    def captions(self, clip: int) -> int:
        """How many describe a scene."""
        return len(self.words[clip])

    def rows(self, chosen: Chosen) -> Sequence[Rows]:
        """The rows of each."""
        return [[self.features[self.words[clip][which]].half().numpy()] for clip, which in chosen]

    def silent(self) -> Rows:
        """Rows of no text: zeros, as the adapter's convention has them behind it."""
        return [np.zeros(self.features.shape[1:], np.float16)]


class DescribedScenes(Dataset[dict[str, Any]]):
    """Scenes with ways to ask for them, a function of seed and number: `samples`, `captions`.

    Args:
        composer: composes them.
        seed: of all of them.
        count: how many there are.
        mixtures: share that has two sounds.
    """

    def __init__(self, composer: SceneComposer, *, seed: int, count: int, mixtures: float) -> None:
        self._composer, self._seed, self._count = composer, seed, count
        self._mixtures = mixtures

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> dict[str, Any]:
        if number >= self._count:
            raise IndexError(number)
        seed = self._seed * 1_000_000 + number
        rng = np.random.default_rng((seed, 2))
        if rng.random() < self._mixtures:
            mixture = self._composer.mix(seed)
            return {"samples": mixture.samples, "captions": mixture_captions(mixture, rng)}
        samples, clip = self._composer.compose(seed)
        return {"samples": samples.astype(np.float32), "captions": caption_variants(clip)}


def caption_variants(clip: Clip) -> list[str]:
    """Ways to ask for a clip; the written captions stand first and twice."""
    spoken = [
        clip.label,
        _with_article(clip),
        f"the sound of {clip.captions[0]}",
        f"{clip.label} sound",
    ]
    return [*clip.captions, *clip.captions, *spoken]


def mixture_captions(mixture: Mixture, rng: np.random.Generator) -> list[str]:
    """Two ways to ask for two sounds: in words of their captions, and of their labels."""
    joints = ("and", "with", "while", "together with") if mixture.together else _SEQUENCE_JOINTS
    first, second = mixture.clips
    written = (str(rng.choice(first.captions)), str(rng.choice(second.captions)))
    named = (_with_article(first), _with_article(second))
    return [f"{one} {rng.choice(joints)} {other}" for one, other in (written, named)]


_SEQUENCE_JOINTS = ("followed by", "then", "and then")


def _with_article(clip: Clip) -> str:
    return f"{'an' if clip.label[0] in 'aeiou' else 'a'} {clip.label}"
