"""What an edit leaves as it is: a mask of latents (blended latent diffusion, arXiv 2206.02779)."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from auffusion.denoise import StepHook
from auffusion.shapes import Latent

LatentMask = Float[Tensor, "#batch 1 height width"]
"""1 is made anew, 0 is kept."""


@runtime_checkable
class NoisyWalk(Protocol):
    """A walk that can noise another latent as far as its own."""

    def noised_after(self, index: int, latent: Latent, noise: Latent) -> Latent:
        """A clean latent with as much noise as the walk's has after its step `index`."""
        ...


def keep_outside(mask: LatentMask, *, known: Latent, noise: Latent, walk: NoisyWalk) -> StepHook:
    """A step hook under which only what the mask covers is made anew (paper App. E.3).

    After each step the rest is replaced by the known latent under the noise of the next timestep,
    always the same noise, and after the last step by the known latent itself: there the result
    equals it exactly.

    Args:
        mask: what to make anew.
        known: the clean latent of the sound.
        noise: of deviation one, that which the walk began with.
        walk: the walk that calls the hook.
    """

    def call(index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG001
        return walk.noised_after(index, known, noise).where(mask < 0.5, latent)

    return call
