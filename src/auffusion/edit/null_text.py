"""Null-text inversion (Mokady et al., arXiv 2211.09794): guidance that stays on a recording's path.

DDIM inversion without guidance finds a path from a recording to noise; walking back down *with*
guidance leaves it. At each timestep the embedding of "no text" is changed so that the guided step
ends where the path lies (§3.3, Eq. 3). Edits then use these embeddings in place of the model's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from auffusion.denoise import ClassifierFreeGuidance, Scheduler, UnetCall
from auffusion.errors import InputError
from auffusion.shapes import Latent, TextEmbedding


@dataclass(frozen=True, kw_only=True)
class NullTextSettings:
    """How the embeddings are sought; the defaults are the paper's (§4)."""

    iterations: int = 10
    """Steps of Adam at each timestep, at most."""
    learning_rate: float = 1e-2
    """Of Adam at the first timestep; it falls to half of that over the walk."""
    tolerance: float = 1e-5
    """Mean squared distance from the path at which a timestep is done."""

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.learning_rate <= 0 or self.tolerance < 0:
            raise InputError(
                f"null-text settings of {self.iterations} iterations, learning rate "
                f"{self.learning_rate} and tolerance {self.tolerance} make no sense: "
                "give at least one iteration, a rate above 0 and a tolerance of at least 0"
            )


@dataclass(frozen=True)
class NullTextGuidance:
    """A predictor: guidance whose unconditional embedding is another at each timestep."""

    guidance: ClassifierFreeGuidance
    """Of any number of items; its own unconditional embeddings are not used."""
    nulls: Mapping[int, TextEmbedding]
    """[1, token, feature] for each timestep of the walk."""

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The guided prediction."""
        plain = self.guidance
        _, conditional = plain.embeddings.chunk(2)
        null = self.nulls[int(timestep)].to(conditional).expand_as(conditional)
        here = ClassifierFreeGuidance(plain.call, conditional, null, plain.scale, plain.rescale)
        return here(latent, timestep)


class NullTextSearch:
    """A predictor that finds the embeddings while the one loop walks down with them.

    The loop runs without gradients; they are switched on where an embedding is changed, and only
    there.

    Args:
        call: the network, for the whole width of the latent.
        conditional: [1, token, feature] of the prompt.
        unconditional: [1, token, feature] to start from.
        scale: guidance scale, above 1.
        walk: the walk down, whose steps let gradients pass.
        path: by timestep, where the step from there should end (`Trail.before`).
        settings: of the search.
    """

    def __init__(
        self,
        call: UnetCall,
        conditional: TextEmbedding,
        unconditional: TextEmbedding,
        scale: float,
        walk: Scheduler,
        path: Mapping[int, Latent],
        settings: NullTextSettings,
    ) -> None:
        self.call = call
        self.conditional = conditional
        self.scale = scale
        self.walk = walk
        self.path = path
        self.settings = settings
        self.nulls: dict[int, TextEmbedding] = {}
        """What was found so far, by timestep."""
        # In 32 bits: steps of Adam are too small for half precision.
        self._current = unconditional.float()

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The prediction guided by the embedding that was found for this timestep."""
        with_text = self.call(latent, timestep, self.conditional)
        self._current = self._found(latent, timestep, with_text)
        self.nulls[int(timestep)] = self._current
        return self._guided(latent, timestep, with_text, self._current)

    def _found(self, latent: Latent, timestep: Tensor, with_text: Latent) -> TextEmbedding:
        settings, wanted = self.settings, self.path[int(timestep)].float()
        null = self._current.clone().requires_grad_()
        done = len(self.nulls) / len(self.walk.timesteps)
        adam = torch.optim.Adam([null], lr=settings.learning_rate * (1 - done / 2))
        for _ in range(settings.iterations):
            with torch.enable_grad():
                guided = self._guided(latent, timestep, with_text, null)
                arrived = self.walk.advance(guided, timestep, latent)
                distance = (arrived.float() - wanted).square().mean()
            if distance.item() <= settings.tolerance:
                break
            # Not `backward`, which would leave gradients in the network's weights.
            (null.grad,) = torch.autograd.grad(distance, null)
            adam.step()
        return null.detach()

    def _guided(
        self, latent: Latent, timestep: Tensor, with_text: Latent, null: TextEmbedding
    ) -> Latent:
        without = self.call(latent, timestep, null.to(self.conditional.dtype))
        return without + self.scale * (with_text - without)
