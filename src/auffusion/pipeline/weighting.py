"""A network that attends to the words of its prompts by their weights."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from auffusion.attention import controlled
from auffusion.denoise import UnetCall
from auffusion.edit.reweight import Reweight
from auffusion.shapes import Latent, TextEmbedding


def weighted_call(
    unet: Any,  # noqa: ANN401
    call: UnetCall,
    factors: Float[Tensor, "item token"],
) -> UnetCall:
    """A call of the network in which each row's attention is multiplied by a factor.

    Args:
        unet: what `call` calls.
        call: the network, for a batch of these items or twice as many, the conditional half last.
        factors: of each item's rows.
    """
    controller = Reweight(factors)

    def weighted(latent: Latent, timestep: Tensor, embedding: TextEmbedding) -> Latent:
        with controlled(unet, controller, len(factors)):
            return call(latent, timestep, embedding)

    return weighted
