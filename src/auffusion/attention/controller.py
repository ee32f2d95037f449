"""What watches or changes attention, and what it is told of the place where it does so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from auffusion.shapes import Latent

Probabilities = Float[Tensor, "item head query key"]
"""Attention of the conditional half: each query's row sums to 1 until somebody changes it."""


@dataclass(frozen=True, kw_only=True)
class AttentionSite:
    """One attention layer during one call of the network."""

    name: str
    """Path of the module within the U-Net."""
    place: Literal["down", "mid", "up"]
    """Part of the U-Net."""
    cross: bool
    """Whether the keys are the text's rows; else they are the queries' own places."""
    height: int
    """Rows of the grid that the queries cover, the highest band in row 0."""
    width: int
    """Its columns; query q lies in row q // width and column q % width."""

    @property
    def queries(self) -> int:
        """Places of the grid."""
        return self.height * self.width


@runtime_checkable
class AttentionController(Protocol):
    """Sees attention while a latent is denoised, and may change it.

    `on_step` makes it a `StepHook` of the loop: that is how it knows where the walk stands, not by
    counting layers. One controller may serve any number of walks, one after the other.
    """

    def begin(self, steps: int) -> None:
        """A walk of so many steps starts (PNDM makes one prediction more than its steps)."""
        ...

    def wants(self, site: AttentionSite) -> bool:
        """Whether it is to see this layer now; others keep their fused attention."""
        ...

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:
        """The attention to go on with, of the same shape; what came in is not changed."""
        ...

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:
        """The latent to go on with, after the step `index`."""
        ...


class Controllers:
    """Several controllers as one: each sees what those before it left."""

    def __init__(self, controllers: Sequence[AttentionController]) -> None:
        self.controllers = tuple(controllers)

    def begin(self, steps: int) -> None:
        """Tell each."""
        for controller in self.controllers:
            controller.begin(steps)

    def wants(self, site: AttentionSite) -> bool:
        """Whether any of them does."""
        return any(controller.wants(site) for controller in self.controllers)

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:
        """Through each that wants the layer, in order."""
        for controller in self.controllers:
            if controller.wants(site):
                probabilities = controller.attend(site, probabilities)
        return probabilities

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:
        """Through each, in order."""
        for controller in self.controllers:
            latent = controller.on_step(index, timestep, latent)
        return latent
