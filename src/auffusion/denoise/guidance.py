"""Classifier-free guidance (Ho & Salimans, arXiv 2207.12598; paper §3.3, Eq. 9)."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import Latent, TextEmbedding


@runtime_checkable
class UnetCall(Protocol):
    """A text-conditioned network."""

    def __call__(self, latent: Latent, timestep: Tensor, embedding: TextEmbedding) -> Latent:
        """The prediction for each latent under its own text."""
        ...


def unet_call(unet: Any, **options: Any) -> UnetCall:  # noqa: ANN401
    """A diffusers `UNet2DConditionModel` as a `UnetCall`.

    Args:
        unet: the network.
        options: further keyword arguments of its forward, such as `cross_attention_kwargs`.
    """

    def call(latent: Latent, timestep: Tensor, embedding: TextEmbedding) -> Latent:
        return unet(latent, timestep, encoder_hidden_states=embedding, **options).sample

    return call


class ClassifierFreeGuidance:
    """A predictor that exaggerates what the text changes.

    With the predictions ε_u without and ε_c with the text, the guided one is

        ε = ε_u + s (ε_c - ε_u).

    This is diffusers' scale s. The paper's Eq. 9 writes (1 + w) ε_c - w ε_u, which is the same for
    s = 1 + w; its tables give s, so "guidance 7.5" means w = 6.5, and s = 1 is no guidance. The
    network sees both halves in one call, [unconditional; conditional]; for s ≤ 1 it is called
    with the text only.

    Args:
        call: the network.
        conditional: the prompts' embeddings, one an item.
        unconditional: embeddings of no text or of the negative prompts; not needed for s ≤ 1.
        scale: s.
        rescale: φ of `rescale_guided`; 0 leaves the guided prediction as it is.

    Raises:
        InputError: guidance without an unconditional embedding.
    """

    def __init__(
        self,
        call: UnetCall,
        conditional: TextEmbedding,
        unconditional: TextEmbedding | None,
        scale: float,
        rescale: float = 0.0,
    ) -> None:
        self.call = call
        self.scale = scale
        self.rescale = rescale
        self.embeddings = conditional
        if self.guided:
            if unconditional is None:
                raise InputError(
                    f"a guidance scale of {scale} needs unconditional embeddings beside the "
                    "conditional ones: pass them, or a scale of at most 1"
                )
            self.embeddings = torch.cat([unconditional, conditional])

    @property
    def guided(self) -> bool:
        """Whether the network is called with both halves."""
        return self.scale > 1

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The guided prediction."""
        if not self.guided:
            return self.call(latent, timestep, self.embeddings)
        both = self.call(torch.cat([latent, latent]), timestep, self.embeddings)
        without, with_text = both.chunk(2)
        guided = without + self.scale * (with_text - without)
        return rescale_guided(guided, with_text, self.rescale) if self.rescale > 0 else guided


def rescale_guided(guided: Latent, conditional: Latent, amount: float) -> Latent:
    """The guided prediction with some of the conditional one's deviation (arXiv 2305.08891, §3.4).

    Guidance raises the deviation, which over-exposes; each item is scaled back to that of
    `conditional`, and the result mixed with the untouched one.

    Args:
        guided: what guidance gave.
        conditional: the prediction under the text alone.
        amount: φ, the share of the rescaled prediction in the mixture, 0 to 1.
    """
    axes = tuple(range(1, guided.ndim))
    ratio = conditional.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
    return amount * (guided * ratio) + (1 - amount) * guided
