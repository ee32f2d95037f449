"""Re-weighting: words louder, softer or turned around (arXiv 2208.01626, §3.2; App. E.5)."""

from jaxtyping import Float
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
        self._table: Float[Tensor, "step item token"] = factors[None]
        self._step = 0

    def begin(self, steps: int) -> None:
        """A walk of so many steps starts."""
        self._step = 0
        if self._windows is None:
            self._table = self._factors.expand(steps + 1, -1, -1)
        else:
            self._table = self._factors.where(self._windows.table(steps), 1.0)

    def wants(self, site: AttentionSite) -> bool:
        """Cross-attention in steps with any factor but 1."""
        return site.cross and bool((self._table[self._step] != 1).any())

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:  # noqa: ARG002
        """Each row's attention times its factor."""
        return probabilities * self._table[self._step, :, None, None].to(probabilities)

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """Go on with the next step."""
        self._step = index + 1
        return latent
