"""Published vocoder weights: weight norm folded away, and loaded completely or not at all."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from auffusion.errors import InputError
from auffusion.weights import load_strictly as load_weights

# Magnitude and direction of a weight as torch's old `weight_norm` and as its successor name them.
_NORMED = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)


def read_generator(checkpoint: object) -> dict[str, Tensor]:
    """The generator's weights out of a `vocoder.pt`: under "generator", or as the whole.

    Raises:
        InputError: something other than tensors by name is found there.
    """
    outer = _mapping(checkpoint)
    state = _mapping(outer.get("generator", outer))
    strange = [name for name, weight in state.items() if not isinstance(weight, Tensor)]
    if strange:
        raise InputError(
            f"the vocoder file holds {_shorten(strange)} where weights are expected: "
            "it is not a HiFi-GAN file"
        )
    return {str(name): weight for name, weight in state.items()}


def _mapping(content: object) -> Mapping[Any, Any]:
    if not isinstance(content, Mapping) or not content:
        raise InputError("the vocoder file holds no generator weights: it is not a HiFi-GAN file")
    return cast("Mapping[Any, Any]", content)


def add_weight_norm(network: nn.Module) -> None:
    """Split the weight of every convolution into magnitude and direction, for training.

    The network computes what it did before; `fold_weight_norm` undoes it.
    """
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            weight_norm(layer)


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with each pair of magnitude and direction made one: v · g / ‖v‖₂.

    The norm runs over all but the first dimension, of transposed convolutions too. Weights
    without weight norm pass unchanged, so that folding twice is folding once.

    >>> import torch
    >>> state = {"up.weight_g": torch.tensor([[10.0]]), "up.weight_v": torch.tensor([[3.0, 4.0]])}
    >>> fold_weight_norm(state)
    {'up.weight': tensor([[6., 8.]])}

    Raises:
        InputError: a magnitude without its direction, or the other way round.
    """
    folded = dict(state)
    for g_name, v_name in _NORMED:
        owners = {
            name.removesuffix(ending)
            for name in state
            for ending in (g_name, v_name)
            if name.endswith("." + ending)
        }
        for owner in owners:
            pair = (folded.pop(owner + g_name, None), folded.pop(owner + v_name, None))
            folded[owner + "weight"] = _fold(owner, *pair)
    return folded


def _fold(owner: str, g: Tensor | None, v: Tensor | None) -> Tensor:
    if g is None or v is None or v.ndim < 2 or g.shape != (len(v), *[1] * (v.ndim - 1)):
        raise InputError(
            f"the vocoder weights of {owner.rstrip('.')} are incomplete: magnitude (weight_g) and "
            "direction (weight_v) must both be there, one magnitude to each row"
        )
    g, v = g.float(), v.float()
    return v * (g / v.square().flatten(1).sum(dim=1).sqrt().reshape(g.shape))


def load_strictly(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a network that has exactly these.

    Raises:
        InputError: weights are missing, left over, of another shape, or not finite.
    """
    load_weights(
        network,
        state,
        complaint="the vocoder weights do not fit their config",
        advice="use the weights and the config.json of one and the same vocoder",
    )


def _shorten(names: Iterable[object]) -> str:
    first, *others = (str(name) for name in names)
    return f"{first}, …" if others else first
