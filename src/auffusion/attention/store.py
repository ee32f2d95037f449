"""Attention maps kept while a latent is denoised: sums of what was asked for, and nothing else.

The paper's Figure 2 looks at cross-attention this way (prompt-to-prompt, arXiv 2208.01626; DAAM,
arXiv 2210.04885). Kept whole, the maps of one call at the paper's size take gigabytes; a word is a
few of 77 columns, and mean maps over steps and heads do with one sum a layer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.attention.controlled import Place
from auffusion.attention.controller import AttentionSite, Probabilities
from auffusion.errors import InputError
from auffusion.shapes import Latent

Apart = Literal["step", "head"]
"""What is kept apart, and not averaged."""

Maps = Float[Tensor, "item query column"]
"""For each place of a layer's grid the share of its attention that goes to each column."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Some layers, steps and heads; None is all of them."""

    places: Collection[Place] | None = None
    """Parts of the U-Net."""
    layers: Collection[str] | None = None
    """Paths of modules within it."""
    grids: Collection[tuple[int, int]] | None = None
    """Rows and columns of the layers' grids."""
    steps: Collection[int] | None = None
    """Steps of the walk, from 0."""
    heads: Collection[int] | None = None
    """Attention heads, from 0; layers may have different numbers of them."""

    def has_site(self, site: AttentionSite) -> bool:
        """Whether a layer belongs to it."""
        return (
            (self.places is None or site.place in self.places)
            and (self.layers is None or site.name in self.layers)
            and (self.grids is None or (site.height, site.width) in self.grids)
        )

    def has_step(self, step: int) -> bool:
        """Whether a step belongs to it."""
        return self.steps is None or step in self.steps

    def has_head(self, head: int) -> bool:
        """Whether a head belongs to it."""
        return self.heads is None or head in self.heads


EVERYTHING = Selection()
"""All layers, steps and heads."""


class MapKey(NamedTuple):
    """What a stored map is the mean over."""

    layer: str
    """Path of its layer."""
    step: int | None
    """Its step; None for the mean over steps."""
    head: int | None
    """Its head; None for the mean over heads."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredMap:
    """One mean map."""

    key: MapKey
    """Layer, step and head."""
    site: AttentionSite
    """The layer's grid and part of the U-Net."""
    values: Maps
    """[item, query, column]."""

    @property
    def picture(self) -> Float[Tensor, "item column height width"]:
        """The same on its grid, the highest band in row 0."""
        items, _, columns = self.values.shape
        site = self.site
        return self.values.transpose(1, 2).reshape(items, columns, site.height, site.width)


@dataclass
class _Sum:
    site: AttentionSite
    total: Maps
    count: int = 1


@dataclass(kw_only=True)
class AttentionStore:
    """A controller that changes nothing and remembers.

    It sees the conditional half of a batch, and behind other controllers what they made of it. A
    walk by another loop than ours may call `on_step` itself; where steps are neither selected nor
    kept apart it need not.
    """

    watched: Selection = EVERYTHING
    """What is looked at at all; all else keeps its fused attention."""
    cross: bool = True
    """Attention to the text's rows; False: of places to places."""
    columns: Sequence[Sequence[int]] | None = None
    """Groups of keys, such as the rows of one word; the attention to a group is summed. None: every
    key is a column of its own."""
    apart: Collection[Apart] = ()
    """What is not averaged."""
    _sums: dict[MapKey, _Sum] = field(default_factory=dict[MapKey, _Sum], init=False, repr=False)
    _step: int = field(default=0, init=False, repr=False)

    def begin(self, steps: int) -> None:  # noqa: ARG002
        """Forget the walk before."""
        self._sums.clear()
        self._step = 0

    def wants(self, site: AttentionSite) -> bool:
        """Whether the layer is watched, now."""
        watched = self.watched
        return site.cross == self.cross and watched.has_site(site) and watched.has_step(self._step)

    def attend(self, site: AttentionSite, probabilities: Probabilities) -> Probabilities:
        """Add up; what came in goes on."""
        heads = [h for h in range(probabilities.shape[1]) if self.watched.has_head(h)]
        step = self._step if "step" in self.apart else None
        if "head" in self.apart:
            for head in heads:
                self._add(site, MapKey(site.name, step, head), self._joined(probabilities[:, head]))
        elif heads:
            seen = probabilities if self.watched.heads is None else probabilities[:, heads]
            self._add(site, MapKey(site.name, step, None), self._joined(seen).mean(dim=1))
        return probabilities

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """Count the step."""
        self._step = index + 1
        return latent

    @property
    def kept(self) -> list[MapKey]:
        """What there are maps of, in the order in which it was seen first."""
        return list(self._sums)

    def maps(self, selection: Selection = EVERYTHING) -> list[StoredMap]:
        """The mean maps, in the order in which the network has its layers.

        Raises:
            InputError: steps or heads are selected that were averaged, or nothing was kept.
        """
        for name, wanted in (("step", selection.steps), ("head", selection.heads)):
            if wanted is not None and name not in self.apart:
                raise InputError(
                    f"single {name}s were asked for, but this store averages over all {name}s: "
                    f'make it with apart=("{name}",)'
                )
        found = [
            StoredMap(key=key, site=one.site, values=one.total / one.count)
            for key, one in self._sums.items()
            if selection.has_site(one.site)
            and (key.step is None or selection.has_step(key.step))
            and (key.head is None or selection.has_head(key.head))
        ]
        if not found:
            raise InputError(
                "no attention of the layers, steps and heads asked for was kept: either the "
                "network has none of them, or it was not called under this store"
            )
        return found

    def aggregate(
        self, grid: tuple[int, int], selection: Selection = EVERYTHING, *, item: int = 0
    ) -> Float[Tensor, "height width column"]:
        """The mean over the layers of one grid, their heads and steps.

        Raises:
            InputError: no such layer was watched.
        """
        pictures = [
            one.picture[item]
            for one in self.maps(selection)
            if (one.site.height, one.site.width) == grid
        ]
        if not pictures:
            raise InputError(f"no layer with a grid of {grid[0]}x{grid[1]} was watched")
        return torch.stack(pictures).mean(dim=0).movedim(0, -1)

    def _joined(self, probabilities: Tensor) -> Tensor:
        if self.columns is None:
            return probabilities.float()
        groups = [probabilities[..., list(group)].sum(dim=-1) for group in self.columns]
        return torch.stack(groups, dim=-1).float()

    def _add(self, site: AttentionSite, key: MapKey, maps: Maps) -> None:
        if key in self._sums:
            self._sums[key].total += maps
            self._sums[key].count += 1
        else:
            # A copy: the network may go on with what it gave.
            self._sums[key] = _Sum(site, maps.clone())
