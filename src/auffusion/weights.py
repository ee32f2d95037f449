"""Tensors from weight files, of which none can run code.

The only place that opens pickled files (`.bin`, `.pt`, `.pth`), and only through torch's restricted
unpickler, which builds tensors and plain containers and refuses everything else.
"""

import json
import pickle
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn
from torch.serialization import safe_globals

from auffusion.errors import InputError

NUMPY_VALUES: tuple[Any, ...] = (
    # How numpy pickles an array and a number, under the names of numpy 1 and 2.
    *(
        (np.zeros(1).__reduce__()[0], f"numpy.{core}.multiarray._reconstruct")
        for core in ("core", "_core")
    ),
    *(
        (np.int64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar")
        for core in ("core", "_core")
    ),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.int64, np.float32, np.float64)),
)
"""What the unpickler builds besides tensors where a file of known hash holds numbers of numpy."""


def read_state(path: Path, *, allowed: Sequence[Any] = ()) -> dict[str, Any]:
    """The content of one weight file, on the CPU: a state dict, or a dict that nests some.

    Args:
        path: the file.
        allowed: as for `read_content`.

    Raises:
        InputError: the file is missing, damaged, holds anything but tensors and plain
            containers, or is not a dict.
    """
    content = read_content(path, allowed=allowed)
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__} where a dict of tensors was expected"
        )
    return cast("dict[str, Any]", content)


def read_content(path: Path, *, allowed: Sequence[Any] = ()) -> object:
    """The content of one weight file, on the CPU, whatever plain containers it is made of.

    Args:
        path: the file.
        allowed: what a pickled one may hold besides tensors and plain containers, such as
            `NUMPY_VALUES`; nothing of it may run code.

    Raises:
        InputError: the file is missing, damaged, or holds anything else.
    """
    if not path.is_file():
        raise InputError(f"there is no weight file {path}: the model folder is incomplete")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _read_pickle(path, allowed)


def load_strictly(
    network: nn.Module, state: Mapping[str, Tensor], *, complaint: str, advice: str
) -> None:
    """Copy weights into a network that has exactly these.

    Args:
        network: changed only where all fits.
        state: its weights by name.
        complaint: begins the sentence of an error, such as "vggish.pth does not fit VGGish".
        advice: ends it.

    Raises:
        InputError: weights are missing, left over, of another shape, or not finite.
    """
    expected = cast("dict[str, Tensor]", network.state_dict())
    common = expected.keys() & state.keys()
    problems = [
        ("missing", expected.keys() - state.keys()),
        ("left over", state.keys() - expected.keys()),
        ("of another shape", [x for x in common if expected[x].shape != state[x].shape]),
        ("not finite", [name for name, x in state.items() if not x.isfinite().all()]),
    ]
    told = [f"{len(names)} {what} ({_shorten(names)})" for what, names in problems if names]
    if told:
        raise InputError(f"{complaint}: {', '.join(told)}; {advice}")
    network.load_state_dict(dict(state))


def _shorten(names: Iterable[str]) -> str:
    first, *others = sorted(names)
    return f"{first}, …" if others else first


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{path} is not a whole safetensors file ({error}): fetch it again"
        ) from error


def _read_pickle(path: Path, allowed: Sequence[Any]) -> object:
    try:
        with warnings.catch_warnings(), safe_globals(list(allowed)):
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
            return only_tensors(read_state(folder / name), folder / name)
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
        state |= only_tensors(read_state(index.parent / name), index.parent / name)
    return state


def only_tensors(state: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """The same weights, when they are tensors by name and nothing else.

    Raises:
        InputError: something else is among them.
    """
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"{path} holds a {type(value).__name__} under {key!r} where a tensor was expected"
            )
    return dict(state)
