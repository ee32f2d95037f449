"""All of a run's state in one safetensors file, which is whole or not there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from auffusion.errors import InputError

State = dict[str, Tensor]


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Write beside and rename, so that an interruption leaves the file that was there.

    Raises:
        InputError: the disk is full or the folder may not be written to.
    """
    partial = path.with_name(f"{path.name}.tmp")
    try:
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata=dict(notes))
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            f"cannot save {path} ({error}): make room and start the run again, it goes on from "
            "its last checkpoint"
        ) from error


def read_checkpoint(path: Path) -> tuple[State, dict[str, str]]:
    """(tensors, notes) of a checkpoint.

    Raises:
        InputError: the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}: start that training first")
    try:
        # safetensors does not annotate its reader.
        opened: Any = safe_open(path, "pt")
        with opened as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(
            f"{path} is damaged ({error}): delete it to start the run from the beginning"
        ) from error


def under(tensors: Mapping[str, Tensor], prefix: str) -> State:
    """The tensors whose names begin with a prefix and a dot, without these.

    >>> list(under({"network.weight": torch.zeros(1), "average.weight": torch.ones(1)}, "average"))
    ['weight']
    """
    start = len(prefix) + 1
    return {name[start:]: v for name, v in tensors.items() if name.startswith(f"{prefix}.")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> State:
    """The optimiser's state by `INDEX.NAME`, parameters counted in order."""
    states: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in states.items()
        for name, value in state.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the state that `optimiser_tensors` took."""
    parameters: list[Tensor] = [p for group in optimiser.param_groups for p in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        states.setdefault(int(index), {})[name] = _laid_out_like(parameters[int(index)], value)
    groups: list[dict[str, Any]] = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": states, "param_groups": groups})


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    # Fused optimisers walk the memory of parameter and moments side by side: moments read from a
    # file in plain order, beside weights in channels-last order, would belong to other weights.
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
