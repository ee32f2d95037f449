"""A U-Net under a controller, and as it was before when that ends."""

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from auffusion.attention.controller import AttentionController, AttentionSite
from auffusion.errors import InputError

Place = Literal["down", "mid", "up"]
_PLACES: tuple[Place, ...] = get_args(Place)


@contextmanager
def controlled(unet: Any, controller: AttentionController, items: int) -> Generator[None]:  # noqa: ANN401
    """Within it, the controller sees the attention of every call of the network.

    Only the layers that it wants compute their probabilities explicitly, and only of the
    conditional half of the batch. All outputs come from the processors that the layers had, but
    those of items whose attention the controller changed: what is only looked at, such as the
    source of an edit, stays the same to the bit. Whatever happens inside, the processors are put
    back.

    Args:
        unet: a diffusers `UNet2DConditionModel`, ours or another's.
        controller: what watches or changes attention.
        items: prompts of a batch. A batch twice as large is [unconditional; conditional].

    Raises:
        InputError: at the first call, a batch that is neither.
    """
    frame = _Frame(items)
    before = {name: layer.processor for name, layer in _layers(unet)}
    hook = unet.register_forward_pre_hook(frame.see, with_kwargs=True)
    try:
        for name, layer in _layers(unet):
            kind = AttentionKind(
                name=name, place=_place(name), cross=bool(layer.is_cross_attention)
            )
            layer.processor = ControlledProcessor(kind, controller, frame, layer.processor)
        yield
    finally:
        hook.remove()
        for name, layer in _layers(unet):
            layer.processor = before[name]


def _layers(unet: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    for name, module in unet.named_modules():
        # The pooling of a text time embedding has no processor and is no attention over places.
        if hasattr(module, "processor") and hasattr(module, "to_q"):
            yield name, module


def _place(name: str) -> Place:
    for place in _PLACES:
        if name.startswith(place):
            return place
    raise InputError(f"the attention layer {name} is in no known part of a U-Net")


@dataclass
class _Frame:
    """The call of the network that is going on."""

    items: int
    height: int = 0
    width: int = 0

    def see(self, _unet: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ANN401
        sample: Tensor = args[0] if args else kwargs["sample"]
        if sample.shape[0] not in {self.items, 2 * self.items}:
            raise InputError(
                f"a batch of {sample.shape[0]} does not fit a controller of {self.items} prompts: "
                "pass as many, or twice as many with guidance"
            )
        self.height, self.width = sample.shape[-2:]

    def grid(self, queries: int) -> tuple[int, int]:
        """Rows and columns of a level of the network; each level halves both, rounding up."""
        height, width = self.height, self.width
        while height * width > queries:
            height, width = math.ceil(height / 2), math.ceil(width / 2)
        if height * width != queries:
            raise InputError(
                f"{queries} queries are no level of a latent of {self.height}x{self.width}"
            )
        return height, width


@dataclass(frozen=True, kw_only=True)
class AttentionKind:
    """What is fixed of a layer."""

    name: str
    place: Place
    cross: bool


@dataclass
class ControlledProcessor:
    """Stands in the place of a layer's processor, which it calls."""

    kind: AttentionKind
    controller: AttentionController
    frame: _Frame
    unwatched: Any = field(repr=False)

    def __call__(
        self,
        attn: Any,  # noqa: ANN401
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Tensor:
        """The layer's output."""
        output: Tensor = self.unwatched(
            attn, hidden_states, encoder_hidden_states, attention_mask, temb, **options
        )
        site = self._site(hidden_states)
        if not self.controller.wants(site):
            return output
        return self._changed(
            site, attn, output, hidden_states, encoder_hidden_states, attention_mask
        )

    def _site(self, hidden_states: Tensor) -> AttentionSite:
        queries = hidden_states.shape[1]
        height, width = self.frame.grid(queries)
        kind = self.kind
        return AttentionSite(
            name=kind.name, place=kind.place, cross=kind.cross, height=height, width=width
        )

    def _changed(
        self,
        site: AttentionSite,
        attn: Any,  # noqa: ANN401
        output: Tensor,
        hidden: Tensor,
        text: Tensor | None,
        mask: Tensor | None,
    ) -> Tensor:
        """The output with the items that the controller changed, of the conditional half."""
        batch, silent = hidden.shape[0], hidden.shape[0] - self.frame.items
        context = hidden if text is None else text
        if text is not None and attn.norm_cross:
            context = attn.norm_encoder_hidden_states(text)
        hidden, context = hidden[silent:], context[silent:]
        query, key = _heads(attn, attn.to_q(hidden)), _heads(attn, attn.to_k(context))
        if mask is not None:
            prepared: Tensor = attn.prepare_attention_mask(mask, key.shape[2], batch)
            mask = prepared.view(batch, attn.heads, -1, key.shape[2])[silent:]
        before = _scores(attn, query, key, mask).softmax(dim=-1)
        after = self.controller.attend(site, before)
        items = [i for i in range(len(before)) if not torch.equal(after[i], before[i])]
        if not items:
            return output
        value = _heads(attn, attn.to_v(context[items]))
        seen = after[items].to(value.dtype) @ value
        joined = seen.transpose(1, 2).flatten(2).to(hidden.dtype)
        places = torch.tensor(items, device=output.device) + silent
        return output.index_copy(0, places, _finished(attn, joined, hidden[items]))


def _heads(attn: Any, rows: Tensor) -> Tensor:  # noqa: ANN401
    """[batch row feature] as [batch head row feature]."""
    heads: int = attn.heads
    return rows.view(*rows.shape[:-1], heads, -1).transpose(1, 2)


def _scores(attn: Any, query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:  # noqa: ANN401
    # In float32 whatever the network's precision: maps are looked at, summed and multiplied.
    scale: float = attn.scale
    scores = query.float() @ key.float().transpose(-1, -2) * scale
    return scores if mask is None else scores + mask.float()


def _finished(attn: Any, joined: Tensor, hidden: Tensor) -> Tensor:  # noqa: ANN401
    output: Tensor = attn.to_out[1](attn.to_out[0](joined))
    if attn.residual_connection:
        output = output + hidden
    factor: float = attn.rescale_output_factor
    return output / factor
