"""Re-weighting: words louder, softer or turned around (arXiv 2208.01626, §3.2; App. E.5)."""

from jaxtyping import Bool, Float
from torch import Tensor

from auffusion.attention import AttentionSite, Probabilities
from auffusion.edit.step_window import WordSteps
from auffusion.shapes import Latent


class Reweight:
    """Attention times a factor for each row of the text; its sum is not brought back to 1.

    Each item's map is taken as it stands. Alone it weights words of a prompt; behind a `WordSwap`
    or `Refine` (`auffusion.attention.Controllers`) it weights what that made of the source's maps:
    a swap of a prompt with itself and this behind it is the published re-weighting.

    Args:
        factors: of each item's rows; `auffusion.text.equaliser` makes them of words.
        windows: in which steps each row is weighted; None is all.
    """

    def __init__(
        self, factors: Float[Tensor, "item token"], windows: WordSteps | None = None
    ) -> None:
        self._factors = factors
        self._windows = windows
        self._within: Bool[Tensor, "step item token"] | None = None
        self._now = factors

    def begin(self, steps: int) -> None:
        """A walk of so many steps starts; without windows there is no need to say so."""
        if self._windows is not None:
            self._within = self._windows.table(steps)
            self._go_to(0)

    def wants(self, site: AttentionSite) -> bool:
        """Cross-attention in steps with any factor but 1."""
        return site.cross and bool((self._now != 1).any())

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:  # noqa: ARG002
        """Each row's attention times its factor."""
        return probabilities * self._now[:, None, None].to(probabilities)

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """Go on with the next step."""
        self._go_to(index + 1)
        return latent

    def _go_to(self, step: int) -> None:
        # Behind the last step there is nothing to weight.
        if self._within is not None and step < len(self._within):
            self._now = self._factors.where(self._within[step], 1.0)
