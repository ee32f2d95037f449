"""Networks and schedulers from their folders: built from the config, filled strictly.

The folder's weights and the network must name exactly the same tensors. A tensor too many or too
few means another network than the config describes, and that would sound, only worse.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import diffusers
import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.pipeline.reading import read_component, read_object

Network = TypeVar("Network", bound=nn.Module)

# The attention of the VAE's middle had other names when Stable Diffusion 1.5 was saved.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_NAME = re.compile(rf"(.*\.attentions\.\d+)\.({'|'.join(_OLD_ATTENTION)})\.(weight|bias)")
# What a constructor raises on a config that is not its own.
_NOT_ITS_CONFIG = (TypeError, ValueError, RuntimeError, KeyError, IndexError, AttributeError)


def load_network(
    kind: type[Network],
    folder: Path,
    *,
    dtype: torch.dtype | None = None,
    built_on: str = "meta",
) -> Network:
    """The network in `folder`, on the CPU, ready for inference.

    Config entries that the class does not know are left out: the published U-Net's config also
    holds the settings of its weight average.

    Args:
        kind: a class of diffusers or one of our components.
        folder: holds `config.json` and the weights.
        dtype: precision of the weights; None is float32.
        built_on: "meta" spares the memory and time of random weights; "cpu" is for networks with
            buffers that are computed and not stored.

    Raises:
        InputError: the folder is incomplete, damaged, or its weights are not of this network.
    """
    config = read_object(folder / "config.json")
    with torch.device(built_on):
        network = build_network(kind, config, folder / "config.json")
    return fill_network(network, rename_old_attention(read_component(folder)), folder, dtype=dtype)


def build_network(kind: type[Network], config: Mapping[str, Any], source: Path) -> Network:
    """A new network of the class `kind` with those entries of `config` that it knows.

    Raises:
        InputError: the entries do not describe one; `source` says where they come from.
    """
    known = set(inspect.signature(kind.__init__).parameters) - {"self"}
    try:
        return kind(**{name: value for name, value in config.items() if name in known})
    except _NOT_ITS_CONFIG as error:
        raise InputError(f"{source} does not describe a {kind.__name__}: {error}") from error


def fill_network(
    network: Network,
    state: Mapping[str, Tensor],
    source: Path,
    *,
    dtype: torch.dtype | None = None,
) -> Network:
    """`network` with the tensors of `state`, in evaluation mode.

    Raises:
        InputError: a tensor is missing, too many or of another shape; `source` names the file.
    """
    _check_state(network, state, source)
    # Copied, for a tensor may still be a window onto its file, which saving would overwrite.
    copied = {name: _converted(tensor, dtype or torch.float32) for name, tensor in state.items()}
    network.load_state_dict(copied, assign=True)
    return network.eval()


def rename_old_attention(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with the VAE's attention under its present names.

    >>> list(rename_old_attention({"mid.attentions.0.proj_attn.bias": torch.zeros(1)}))
    ['mid.attentions.0.to_out.0.bias']
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        old = _OLD_NAME.fullmatch(name)
        renamed[f"{old[1]}.{_OLD_ATTENTION[old[2]]}.{old[3]}" if old else name] = tensor
    return renamed


def load_scheduler(folder: Path, kind: str | None = None) -> Any:  # noqa: ANN401
    """The scheduler that a folder's `scheduler_config.json` describes.

    Args:
        folder: the scheduler's folder.
        kind: a diffusers class to build whatever class the file names.

    Raises:
        InputError: the file is missing, damaged, or names no scheduler of diffusers.
    """
    path = folder / "scheduler_config.json"
    config = read_object(path)
    name = kind or str(config.get("_class_name"))
    scheduler_class = _scheduler_class(name)
    if scheduler_class is None:
        raise InputError(f"{path} names the scheduler {name!r}, which diffusers does not have")
    try:
        return scheduler_class.from_config(config)
    except _NOT_ITS_CONFIG as error:
        raise InputError(f"{path} does not describe a {name}: {error}") from error


def _scheduler_class(name: str) -> Any:  # noqa: ANN401
    """The scheduler class of diffusers by that name; None if it has none."""
    # Only a name that ends so is looked up: a file must not choose what is imported.
    found = getattr(diffusers, name, None) if re.fullmatch(r"\w+Scheduler", name) else None
    return found if isinstance(found, type) and issubclass(found, SchedulerMixin) else None


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype, copy=True) if tensor.is_floating_point() else tensor.clone()


def _check_state(network: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    expected = network.state_dict()
    _refuse(network, source, "lack", expected.keys() - state.keys())
    _refuse(network, source, "hold in excess", state.keys() - expected.keys())
    for name, tensor in expected.items():
        if tensor.shape != state[name].shape:
            raise InputError(
                f"the weights in {source} do not fit the {type(network).__name__} of its config: "
                f"{name} is {list(state[name].shape)}, expected {list(tensor.shape)}"
            )


def _refuse(network: nn.Module, source: Path, verb: str, names: Iterable[str]) -> None:
    wrong = sorted(names)
    if wrong:
        raise InputError(
            f"the weights in {source} do not fit the {type(network).__name__} of its config: "
            f"they {verb} {len(wrong)} tensors, the first is {wrong[0]!r}"
        )
