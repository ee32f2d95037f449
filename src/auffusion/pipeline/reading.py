"""The files of a model folder: JSON, and weights in whichever form they are stored."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from auffusion.errors import InputError
from auffusion.pipeline.packed import read_packed
from auffusion.weights import read_state, read_weights

DIFFUSERS_WEIGHTS = ("diffusion_pytorch_model",)
"""Name, without its ending, of the weight file that diffusers writes."""


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON is whatever it says
    """The content of a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"the model folder is incomplete: {path} is missing, fetch the model again"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): fetch the model again") from error


def read_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file that holds one object.

    Raises:
        InputError: the file is missing, is not JSON or holds something else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__} where an object was expected: "
            "fetch the model again"
        )
    return cast("dict[str, Any]", content)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of one weight file.

    Raises:
        InputError: the file is missing, damaged or holds anything but tensors.
    """
    state = read_state(path)
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"{path} holds a {type(tensor).__name__} under {name!r} where a tensor was "
                "expected: fetch the model again"
            )
    return state


def read_component(folder: Path, stems: Sequence[str] = DIFFUSERS_WEIGHTS) -> dict[str, Tensor]:
    """All weights of a component's folder: packed, safetensors or pickled, whole or in shards.

    Raises:
        InputError: there are none, or they are damaged or hold more than tensors.
    """
    packed = read_packed(folder)
    return read_weights(folder, stems) if packed is None else packed
