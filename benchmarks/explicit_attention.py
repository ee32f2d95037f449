"""Prompt-to-prompt as it is usually written: explicit attention in every layer, every map kept.

A port of the published method from its description (arXiv 2208.01626; the hook, the layers and the
formulas of Auffusion's word swap), to be measured beside ours and to be a second opinion in its
test: it shares no code with `auffusion.attention` and `auffusion.edit`.

- Each of the U-Net's layers computes softmax(Q Kᵀ / √d) for the whole batch.
- The controller counts layers to know the step, and edits the conditional half.
- Maps of at most 1024 places are kept by part of the network, of all heads and rows, and summed
  over the steps; local blending takes its words from there.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

STORED, REPLACED = 1024, 256
"""Most places of a layer whose maps are kept, and whose self-attention is replaced."""


class Controller:
    """Word swap and re-weighting over [source, edit 1, …].

    Args:
        items: prompts.
        steps: N.
        cross: share of the steps in which cross-attention is replaced.
        own: the same of self-attention.
        moved: [source row, target row] of each edit.
        factors: [edit, row], what each row is multiplied by.
        store: whether maps are kept.
    """

    def __init__(
        self,
        items: int,
        steps: int,
        *,
        cross: float,
        own: float,
        moved: Tensor,
        factors: Tensor,
        store: bool = True,
    ) -> None:
        self.items, self.moved, self.factors, self.store = items, moved, factors, store
        self.cross_steps = range(int(cross * (steps + 1)))
        self.own_steps = range(int(steps * own))
        self.layers, self.layer, self.step = 0, 0, 0
        self.now: dict[str, list[Tensor]] = defaultdict(list)
        self.sums: dict[str, list[Tensor]] = {}

    def __call__(self, maps: Tensor, place: str, *, cross: bool) -> Tensor:
        """The maps [batch, head, place, key] to go on with."""
        conditional = maps[-self.items :]
        source, edits = conditional[:1], conditional[1:]
        if cross and self.step in self.cross_steps:
            edited = source @ self.moved[:, None] * self.factors[:, None, None]
            conditional = torch.cat([source, edited])
        elif not cross and maps.shape[-1] <= REPLACED and self.step in self.own_steps:
            conditional = torch.cat([source, source.expand_as(edits)])
        if self.store and maps.shape[2] <= STORED:
            self.now[f"{place}_{'cross' if cross else 'self'}"].append(conditional)
        self._count()
        return torch.cat([maps[: -self.items], conditional])

    def _count(self) -> None:
        self.layer += 1
        if self.layer < self.layers:
            return
        self.layer, self.step = 0, self.step + 1
        for name, maps in self.now.items():
            before = self.sums.get(name)
            self.sums[name] = (
                maps if before is None else [a + b for a, b in zip(before, maps, strict=True)]
            )
        self.now = defaultdict(list)

    @property
    def bytes_kept(self) -> int:
        """What the stored maps take."""
        return sum(m.nbytes for maps in self.sums.values() for m in maps)


class Processor:
    """A layer's attention, every step of it explicit."""

    def __init__(self, controller: Controller, place: str) -> None:
        self.controller, self.place = controller, place

    def __call__(
        self,
        attn: Any,  # noqa: ANN401
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,  # noqa: ARG002 - never given here
        temb: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """The layer's output."""
        cross = encoder_hidden_states is not None
        context = encoder_hidden_states if cross else hidden_states
        query, key, value = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        query, key, value = (
            x.unflatten(2, (attn.heads, -1)).transpose(1, 2) for x in (query, key, value)
        )
        maps = (query @ key.transpose(-1, -2) * attn.scale).softmax(dim=-1)
        maps = self.controller(maps, self.place, cross=cross)
        joined = (maps @ value).transpose(1, 2).flatten(2)
        return attn.to_out[1](attn.to_out[0](joined))


def install(unet: Any, controller: Controller) -> Callable[[], None]:  # noqa: ANN401
    """Put the processors in; what comes back puts the old ones there again."""
    before = dict(unet.attn_processors)
    unet.set_attn_processor(
        {name: Processor(controller, name.partition("_")[0]) for name in before}
    )
    controller.layers = len(before)
    return lambda: unet.set_attn_processor(before)


def blended(
    latent: Tensor, controller: Controller, rows: Tensor, height: int, threshold: float = 0.3
) -> Tensor:
    """Local blending by the stored maps of the grids of `height` rows (in the latent's true shape).

    Args:
        latent: [item, channel, row, column].
        controller: holds the maps.
        rows: [item, row of the text], 1 for the words to look at.
        height: rows of the grid.
        threshold: share of the largest value.
    """
    width = latent.shape[-1] * height // latent.shape[-2]
    maps = [
        m
        for name in ("down_cross", "up_cross")
        for m in controller.sums[name]
        if m.shape[2] == height * width
    ]
    seen = torch.cat([(m * rows[:, None, None]).sum(-1) for m in maps], dim=1).mean(1)
    grid = seen.view(-1, 1, height, width)
    whole = F.interpolate(F.max_pool2d(grid, 3, 1, 1), latent.shape[-2:], mode="nearest")
    mask = whole / whole.amax(dim=(2, 3), keepdim=True) > threshold
    return latent[:1] + (mask[:1] | mask) * (latent - latent[:1])
