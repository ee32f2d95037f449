"""An optimiser's state as plain tensors, so that no checkpoint needs pickle."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by `INDEX.NAME`, parameters counted in order."""
    states: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in states.items()
        for name, value in state.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the state that `optimiser_tensors` took.

    Raises:
        ValueError: it is the state of other parameters.
    """
    parameters: list[Tensor] = [p for group in optimiser.param_groups for p in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        if not index.isdecimal() or int(index) >= len(parameters):
            raise ValueError(f"the optimiser has no parameter {index}")
        states.setdefault(int(index), {})[name] = _fitted(parameters[int(index)], value, key)
    groups: list[dict[str, Any]] = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})


def _fitted(parameter: Tensor, value: Tensor, key: str) -> Tensor:
    # A count of steps is a single number.
    if not value.ndim:
        return value
    if value.shape != parameter.shape:
        raise ValueError(f"{key} of the optimiser is {[*value.shape]}, not {[*parameter.shape]}")
    # Fused optimisers walk the memory of parameter and moments side by side: moments read from a
    # file in plain order, beside weights in channels-last order, would belong to other weights.
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
