"""Where a model's folder is: given, shipped with the package, or fetched from the hub."""

import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import huggingface_hub
from huggingface_hub.errors import (
    DryRunError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage] - httpx or httpx2, as the hub has it
    LocalEntryNotFoundError,
)

from auffusion.errors import InputError
from auffusion.models import embedded_model

EMBEDDED = "embedded"
"""Name of the model that ships with the package."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_INDEXES = ["model_index.json", "condition_config.json"]
# A repository may also hold whole checkpoints, a safety checker and other precisions: gigabytes.
_FOLDERS = ("vae", "unet", "scheduler", "vocoder", "text_encoder*", "tokenizer*", "condition_*")
_SETTINGS = ("*.json", "*.txt", "*.model")
_SHARD = r"(-\d+(-of-\d+)?)?"
_SAFE = re.compile(rf"(diffusion_pytorch_model|model|packed){_SHARD}\.safetensors")
_PICKLED = re.compile(rf"(diffusion_pytorch_model|pytorch_model){_SHARD}\.bin")
_ALWAYS_PICKLED = ("vocoder.pt", "condition_adapter.pt")


@dataclass(frozen=True, kw_only=True)
class HubOptions:
    """How a model is fetched; the names are those of every library that speaks to the hub."""

    revision: str | None = None
    """Branch, tag or commit; None is the main branch."""
    cache_dir: str | Path | None = None
    """Where downloads are kept; None is the hub's own cache."""
    token: str | bool | None = None
    """Access to private models."""
    local_files_only: bool = False
    """Take what was downloaded before, without asking the hub. `HF_HUB_OFFLINE` does the same."""


def model_folder(name: str | os.PathLike[str], options: HubOptions | None = None) -> Path:
    """The folder of a model.

    Args:
        name: "embedded", a folder, or a hub id such as "auffusion/auffusion-full".
        options: how to fetch it from the hub.

    Raises:
        InputError: there is no such model, or it is not to be had offline.
    """
    if name == EMBEDDED:
        return embedded_model()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_ID.fullmatch(str(name)):
        raise InputError(
            f"there is no model '{name}': expected '{EMBEDDED}', a model folder or a hub id such "
            "as 'auffusion/auffusion-full'"
        )
    return _fetch(str(name), options or HubOptions())


def wanted_files(names: Iterable[str]) -> list[str]:
    """Those files of a repository that a pipeline reads, safetensors rather than pickles.

    >>> wanted_files(["unet/diffusion_pytorch_model.bin", "unet/config.json",
    ...               "unet/diffusion_pytorch_model.safetensors", "vocoder/vocoder.pt",
    ...               "unet/diffusion_pytorch_model.fp16.safetensors", "v1-5-pruned.ckpt"])
    ['unet/config.json', 'unet/diffusion_pytorch_model.safetensors', 'vocoder/vocoder.pt']
    """
    paths = [PurePosixPath(name) for name in sorted(names)]
    safe = {path.parent for path in paths if _SAFE.fullmatch(path.name)}
    return [str(path) for path in paths if _is_wanted(path, safe=path.parent in safe)]


def _is_wanted(path: PurePosixPath, *, safe: bool) -> bool:
    if len(path.parts) == 1:
        return path.name in _INDEXES
    if len(path.parts) > 2 or not _matches(path.parent.name, _FOLDERS):
        return False
    if _matches(path.name, _SETTINGS) or path.name in _ALWAYS_PICKLED:
        return True
    return bool(_SAFE.fullmatch(path.name) or (not safe and _PICKLED.fullmatch(path.name)))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _fetch(repository: str, options: HubOptions) -> Path:
    place: dict[str, Any] = {
        "revision": options.revision,
        "cache_dir": options.cache_dir,
        "token": options.token,
    }
    download = cast("Any", huggingface_hub.snapshot_download)
    reason = "downloads are switched off"
    if not options.local_files_only:
        try:
            listing = download(repository, dry_run=True, **place)
            wanted = wanted_files(file.filename for file in listing)
            return Path(download(repository, allow_patterns=wanted, **place))
        except (DryRunError, HTTPError, OSError) as error:
            reason = _in_brief(error)
    try:
        # Which of a repository's files are needed is known online only; that none is missing is
        # seen when they are read.
        kept = download(repository, allow_patterns=_INDEXES, local_files_only=True, **place)
    except LocalEntryNotFoundError:
        raise InputError(
            f"the model '{repository}' was not downloaded before and cannot be now ({reason}): "
            "check its name and the connection, or give a model folder"
        ) from None
    return Path(kept)


def _in_brief(error: BaseException) -> str:
    """What went wrong first, without the hub's paragraphs of advice."""
    first = error.__cause__ or error
    said = first.strerror if isinstance(first, OSError) else None
    return said or type(first).__name__
