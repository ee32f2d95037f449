"""Local blending: an edit changes what its words attend to, and nothing else.

Blended diffusion (arXiv 2206.02779) as prompt-to-prompt uses it (arXiv 2208.01626, §3.2 "local
editing"): where neither the source's nor the edit's chosen words are attended to, the edit's latent
is the source's.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from auffusion.attention import AttentionSite, Probabilities
from auffusion.errors import InputError
from auffusion.latent import average_windows, window_starts
from auffusion.shapes import Latent

_Relevance = Float[Tensor, "item height width"]


class LocalBlend:
    """A controller that looks at some words' maps and puts the source back where they are not.

    The maps of the chosen words are summed over the steps so far, over layers and heads, smoothed
    by the largest of 3x3 places, brought to the latent's size and compared with a share of their
    largest value; the source's mask and the edit's are united.

    Items are [source, edit 1, edit 2, …].

    Args:
        rows: which rows of each item's text are looked at.
        heights: rows of the grids of the layers that are looked at; the published code takes a
            quarter of the latent's 32.
        threshold: share of the largest value above which a place belongs to the words.
        window: columns of a training window, for latents that are wider.
        overlap: columns that windows share at least.

    Raises:
        InputError: a threshold out of range.
    """

    def __init__(
        self,
        rows: Bool[Tensor, "item token"],
        *,
        heights: Collection[int],
        threshold: float = 0.3,
        window: int | None = None,
        overlap: int = 0,
    ) -> None:
        # Written so that NaN fails too.
        if not 0.0 <= threshold < 1.0:
            raise InputError(f"the threshold {threshold} is out of range: choose 0 to below 1")
        self._rows = rows
        self._heights = frozenset(heights)
        self._threshold = threshold
        self._window = window
        self._overlap = overlap
        self.begin(0)

    def begin(self, steps: int) -> None:  # noqa: ARG002
        """A walk starts: what was seen before is forgotten."""
        self.kept: list[dict[int, Float[Tensor, "item height width"]]] = []
        """What was seen so far, by rows of the grid; an entry for each call of the network in a
        step, which are several for a latent wider than the window, always in order."""
        self._call = 0
        self._seen: set[str] = set()

    def wants(self, site: AttentionSite) -> bool:
        """Cross-attention of the chosen grids."""
        return site.cross and site.height in self._heights

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:
        """The maps as they are; what the words attend to is added up."""
        if site.name in self._seen:
            self._call += 1
            self._seen.clear()
        self._seen.add(site.name)
        if self._call == len(self.kept):
            self.kept.append({})
        rows = self._rows[:, None, None].to(probabilities)
        flat = (probabilities * rows).sum(dim=-1).mean(dim=1)
        seen = flat.view(-1, site.height, site.width)
        sums = self.kept[self._call]
        sums[site.height] = sums[site.height] + seen if site.height in sums else seen
        return probabilities

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """The source where the mask is not, the edits where it is."""
        self._call = 0
        self._seen.clear()
        mask = self.mask(latent.shape[-2], latent.shape[-1])
        return latent.where(mask[:, None].to(latent.device), latent[:1])

    def mask(self, height: int, width: int) -> Bool[Tensor, "item height width"]:
        """Where each item is its own, as far as was seen; the source's own words for item 0."""
        found = self._relevance(height, width)
        highest = found.amax(dim=(1, 2), keepdim=True)
        own = found > self._threshold * highest
        return own[:1] | own

    def _relevance(self, height: int, width: int) -> _Relevance:
        # Without a window the whole width is one.
        window, overlap = (width, 0) if self._window is None else (self._window, self._overlap)
        starts = window_starts(width, window, overlap)
        if len(self.kept) != len(starts):
            raise InputError(
                f"local blending saw {len(self.kept)} calls of the network in a step, for a "
                f"latent of {width} columns {len(starts)} were expected: begin it anew, or give it "
                "the window and overlap of the walk"
            )
        waiting = iter(self.kept)

        def of_window(part: Tensor) -> Tensor:
            return _at_size(next(waiting), height, part.shape[-1])

        places = next(iter(self.kept[0].values())).new_zeros(1, height, width)
        return average_windows(of_window, places, window=window, overlap=overlap)


def _at_size(sums: dict[int, Tensor], height: int, width: int) -> _Relevance:
    """The maps of one call of the network, at the size of its latent."""
    parts = [
        F.interpolate(
            F.max_pool2d(seen[:, None], 3, stride=1, padding=1), (height, width), mode="nearest"
        )[:, 0]
        for seen in sums.values()
    ]
    return torch.stack(parts).sum(dim=0)
