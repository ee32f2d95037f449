"""Networks out of folders and files of others: complete, or refused in one sentence."""

import json
import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from diffusers.utils import logging as diffusers_logging
from torch import Tensor, nn
from transformers.utils import logging as transformers_logging

from auffusion.baselines.contract import Source
from auffusion.errors import InputError

Part = Any
"""An object of diffusers or transformers, whose own annotations strict checking cannot follow."""


def load_part(kind: Part, folder: Path, source: Source) -> Part:
    """A network of a diffusers or transformers folder, on its device, for evaluation.

    Args:
        kind: its class.
        folder: holds its `config.json` and weights; pickles go through torch's restricted loader,
            which is these libraries' own default.
        source: says device and precision.

    Raises:
        InputError: files are missing or damaged, or weights are missing, too many or of another
            shape.
    """
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} has no config.json: the model folder is incomplete")
    with quiet():
        try:
            network, told = kind.from_pretrained(
                folder, output_loading_info=True, local_files_only=True
            )
        # Damaged files make these libraries fail in a dozen ways.
        except Exception as error:
            raise InputError(
                f"{folder} holds no whole {kind.__name__} ({_first_line(error)}): fetch it again"
            ) from error
    _refuse_misfits(told, f"{folder} is no {kind.__name__}")
    return settled(network, source)


def load_small(kind: Part, folder: Path) -> Part:
    """What has no weights, such as a tokenizer or a scheduler, out of its folder.

    Raises:
        InputError: files are missing or damaged.
    """
    with quiet():
        try:
            return kind.from_pretrained(folder, local_files_only=True)
        except Exception as error:
            raise InputError(
                f"{folder} holds no whole {kind.__name__} ({_first_line(error)}): fetch it again"
            ) from error


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path, source: Source) -> Part:
    """A new network with exactly the weights of `state`, on its device, for evaluation.

    Args:
        network: built from its settings.
        state: its weights by its own names, in any precision.
        path: the file they came from.
        source: says device and precision.

    Raises:
        InputError: weights are missing, too many or of another shape.
    """
    expected = cast("dict[str, Tensor]", network.state_dict())
    common = expected.keys() & state.keys()
    told = {
        "missing_keys": sorted(expected.keys() - state.keys()),
        "unexpected_keys": sorted(state.keys() - expected.keys()),
        "mismatched_keys": sorted(n for n in common if expected[n].shape != state[n].shape),
    }
    _refuse_misfits(told, f"{path} does not hold this {type(network).__name__}")
    converted = {name: tensor.to(expected[name].dtype) for name, tensor in state.items()}
    # Assigned and not copied, for a network that was built without memory of its own.
    network.load_state_dict(converted, assign=True)
    return settled(network, source)


def under(state: Mapping[str, Any], prefix: str) -> dict[str, Tensor]:
    """What stands under a prefix, without it.

    >>> list(under({"unet.conv_in.bias": nn.Parameter(), "scale": nn.Parameter()}, "unet."))
    ['conv_in.bias']
    """
    return {n.removeprefix(prefix): tensor for n, tensor in state.items() if n.startswith(prefix)}


def only_under(state: Mapping[str, Any], prefixes: Sequence[str], path: Path) -> None:
    """Refuse a file with weights of parts that nobody reads.

    Raises:
        InputError: a name that begins with none of the prefixes.
    """
    others = [name for name in state if not name.startswith(tuple(prefixes))]
    if others:
        raise InputError(f"{path} also holds {min(others)}: it is of another model")


def size_of(state: Mapping[str, Tensor], name: str, path: Path, dimension: int = 0) -> int:
    """A dimension of a tensor, off which the size of its network is read.

    Raises:
        InputError: there is no such tensor, or it has no such dimension.
    """
    if name not in state or state[name].ndim <= dimension:
        raise InputError(f"{path} holds no {name}: it is not the file that was expected")
    return state[name].shape[dimension]


def settled(network: Part, source: Source) -> Part:
    """The network on its device and in its precision, for evaluation."""
    with quiet():
        return network.to(device=source.device, dtype=source.dtype).eval().requires_grad_(False)


def _refuse_misfits(told: Mapping[str, Any], what: str) -> None:
    kinds = {"missing_keys": "lacks", "unexpected_keys": "has in excess"}
    kinds["mismatched_keys"] = "has in another shape"
    for kind, verb in kinds.items():
        names = [str(name) for name in told.get(kind) or ()]
        if names:
            rest = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(f"{what}: it {verb} {min(names)}{rest}")


def read_config(path: Path) -> dict[str, Any]:
    """The JSON object of a settings file.

    Raises:
        InputError: there is none, or it is damaged.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is missing or no JSON: fetch it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no JSON object: fetch it again")
    return cast("dict[str, Any]", content)


@contextmanager
def quiet() -> Generator[None]:
    """Without the libraries' advice and bars about the loading of other people's models."""
    logs = (diffusers_logging, transformers_logging)
    before = [(log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    for log in logs:
        # A part whose weights are pickled is told as an error, and loaded all the same.
        log.set_verbosity(logging.CRITICAL)
        log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Such as torch's, of the weight norm that diffusers still uses.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for log, (verbosity, bar) in zip(logs, before, strict=True):
            log.set_verbosity(verbosity)
            if bar:
                log.enable_progress_bar()


def _first_line(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return said[0][:200] if said else type(error).__name__
