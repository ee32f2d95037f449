"""Tensors from weight files, of which none can run code.

The only place that opens pickled files (`.bin`, `.pt`), and only through torch's restricted
unpickler, which builds tensors and plain containers and refuses everything else.
"""

import json
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from auffusion.errors import InputError


def read_state(path: Path) -> dict[str, Any]:
    """The content of one weight file, on the CPU: a state dict, or a dict that nests some.

    Raises:
        InputError: the file is missing, damaged, holds anything but tensors and plain
            containers, or is not a dict.
    """
    if not path.is_file():
        raise InputError(f"there is no weight file {path}: the model folder is incomplete")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__} where a dict of tensors was expected"
        )
    return cast("dict[str, Any]", content)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is not a whole safetensors file ({error}): fetch it again"
        ) from error


def _read_pickle(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # Advice to torch's developers, of no use to who loads a model.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} was refused: it is damaged or holds more than tensors, which could run code; "
            "use a safetensors file or one from a source you trust"
        ) from error
    # Damaged bytes make torch fail in a dozen ways, from KeyError to struct.error.
    except Exception as error:
        raise InputError(
            f"{path} is not a whole weight file ({type(error).__name__}): fetch it again"
        ) from error


def read_weights(
    folder: Path, stems: Sequence[str] = ("model", "pytorch_model")
) -> dict[str, Tensor]:
    """All weights of a model folder, whichever way they are stored.

    Args:
        folder: looked through for `.safetensors` first and `.bin` then, in one file or in
            shards with an index.
        stems: file names without the ending, as transformers writes them; for diffusers
            pass `("diffusion_pytorch_model",)`.

    Raises:
        InputError: there are none, or they cannot be read.
    """
    names = [f"{stem}{ending}" for ending in (".safetensors", ".bin") for stem in stems]
    for name in names:
        if (folder / name).is_file():
            return _only_tensors(read_state(folder / name), folder / name)
        if (folder / f"{name}.index.json").is_file():
            return _read_shards(folder / f"{name}.index.json")
    raise InputError(f"{folder} has no weights: one of {', '.join(names)} was expected")


def _read_shards(index: Path) -> dict[str, Tensor]:
    try:
        shards = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{index} is not an index of weight files: fetch it again") from error
    state: dict[str, Tensor] = {}
    for name in shards:
        # A name with a folder in it would read outside the model.
        if Path(name).name != name:
            raise InputError(f"{index} names the file {name!r}, which lies outside its folder")
        state |= _only_tensors(read_state(index.parent / name), index.parent / name)
    return state


def _only_tensors(state: dict[str, Any], path: Path) -> dict[str, Tensor]:
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path} holds a {type(value).__name__} under {key!r} where a tensor was expected"
            )
    return state
