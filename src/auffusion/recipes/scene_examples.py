"""Composed scenes as a denoiser's examples: latents, and rows of captions that describe them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import Latent
from auffusion.train.examples import Rows


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

    def draw(self, clip: int, rng: np.random.Generator) -> NDArray[np.float32]:  # noqa: ARG002
        """The scene's latent; a scene is composed at random already."""
        return self.latents[clip].float().numpy()

    def captions(self, clip: int) -> int:
        """How many describe a scene."""
        return len(self.words[clip])

    def rows(self, clip: int, caption: int) -> Rows:
        """The rows of one."""
        return [self.features[self.words[clip][caption]].half().numpy()]

    def silent(self) -> Rows:
        """Rows of no text: zeros, as the adapter's convention has them behind it."""
        return [np.zeros(self.features.shape[1:], np.float16)]
