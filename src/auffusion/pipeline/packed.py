"""Weights at a quarter of their size: eight bits a number and one scale a row.

A tensor ``X`` is stored as ``X`` (int8) beside ``X.scale`` (float16, one to each row of the first
dimension), so that X ≈ int8 · scale. Rows of a network's matrices differ in size by orders of
magnitude and numbers within a row do not: a scale to each row keeps the error of a number below
1/254 of the largest in its row. Small tensors (biases, norms) stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors import torch as tensor_files
from torch import Tensor

from auffusion.errors import InputError

SHARD_BYTES = 16_000_000
"""No file of packed weights is larger, so that a repository can hold them."""

_SCALE = ".scale"
_STEPS = 127.0
# Room for the names in a shard's header.
_HEADER_BYTES = 500_000


def pack_state(state: Mapping[str, Tensor], *, minimum: int = 4096) -> dict[str, Tensor]:
    """The tensors of `state`, those of at least `minimum` numbers in eight bits.

    >>> packed = pack_state({"w": torch.tensor([[1.0, -0.5], [0.0, 0.0]])}, minimum=1)
    >>> packed["w"].tolist(), packed["w.scale"].shape
    ([[127, -63], [0, 0]], torch.Size([2]))
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.is_floating_point() and tensor.ndim > 1 and tensor.numel() >= minimum:
            packed[name], packed[name + _SCALE] = _quantise(tensor.detach().float().cpu())
        else:
            packed[name] = tensor.detach().cpu().contiguous().clone()
    return packed


def unpack_state(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that `pack_state` packed, in float32 again.

    Raises:
        InputError: an int8 tensor lacks its scale, or the scale has another number of rows.
    """
    state: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(_SCALE) and _is_packed(packed, name.removesuffix(_SCALE)):
            continue
        state[name] = _restore(name, packed) if _is_packed(packed, name) else tensor.clone()
    return state


def write_packed(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Store `state` packed in `folder`, as one file or as shards of at most `SHARD_BYTES`."""
    shards = _split(pack_state(state))
    for index, shard in enumerate(shards, start=1):
        name = "packed.safetensors" if len(shards) == 1 else f"packed-{index:04d}.safetensors"
        tensor_files.save_file(shard, folder / name)


def read_packed(folder: Path) -> dict[str, Tensor] | None:
    """What `write_packed` stored in `folder`, in float32; None if it holds no packed weights.

    Raises:
        InputError: a file is damaged.
    """
    files = sorted(folder.glob("packed*.safetensors"))
    packed: dict[str, Tensor] = {}
    for file in files:
        try:
            packed |= tensor_files.load_file(file)
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"'{file}' is damaged ({error}): fetch the model again") from error
    return unpack_state(packed) if files else None


def _is_packed(packed: Mapping[str, Tensor], name: str) -> bool:
    return name in packed and packed[name].dtype == torch.int8


def _quantise(tensor: Tensor) -> tuple[Tensor, Tensor]:
    rows = tensor.flatten(1)
    exact = rows.abs().amax(dim=1).numpy() / _STEPS
    # Written so that NaN fails too; float16 ends at 65504.
    if not (exact < 6e4).all():
        raise InputError("weights that are infinite, not numbers or above 7e6 cannot be packed")
    scale = exact.astype(np.float16)
    # Rounded up: a scale below the exact one would clip the row's largest number.
    scale = torch.from_numpy(
        np.where(scale < exact, np.nextafter(scale, np.float16(np.inf)), scale)
    )
    # A row of zeros has scale 0; any divisor keeps it zero.
    divisor = torch.where(scale > 0, scale.float(), 1.0)
    whole = (rows / divisor[:, None]).round().clamp(-_STEPS, _STEPS)
    return whole.to(torch.int8).reshape(tensor.shape), scale


def _restore(name: str, packed: Mapping[str, Tensor]) -> Tensor:
    tensor, scale = packed[name], packed.get(name + _SCALE)
    if scale is None or scale.shape != tensor.shape[:1]:
        raise InputError(
            f"the packed tensor '{name}' lacks a scale for each of its {tensor.shape[0]} rows: "
            "fetch the model again"
        )
    return tensor.float() * scale.float().reshape(-1, *[1] * (tensor.ndim - 1))


def _split(packed: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Shards of at most `SHARD_BYTES`, in the order of `packed`."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in packed.items():
        if shards[-1] and size + tensor.nbytes > SHARD_BYTES - _HEADER_BYTES:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards
