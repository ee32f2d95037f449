"""Repositories of the hub: which of their files are needed, and where those are on this machine."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
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

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SETTINGS = ("*.json", "*.txt", "*.model")
_SHARD = r"(-\d+(-of-\d+)?)?"
_SAFE = re.compile(rf"(diffusion_pytorch_model|model|packed){_SHARD}\.safetensors")
_PICKLED = re.compile(rf"(diffusion_pytorch_model|pytorch_model){_SHARD}\.bin")


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


def is_hub_id(name: str) -> bool:
    """Whether it has the form of a repository's name.

    >>> is_hub_id("auffusion/auffusion-full"), is_hub_id("../auffusion"), is_hub_id("auffusion")
    (True, False, False)
    """
    return _HUB_ID.fullmatch(name) is not None


@dataclass(frozen=True, kw_only=True)
class Needed:
    """Those files of a repository that a model is made of."""

    files: Sequence[str] = ()
    """Patterns of files at the root."""
    folders: Sequence[str] = ()
    """Patterns of the folders with parts, of which settings and weights are needed: safetensors
    where there are any, else pickles, and no copies in other precisions."""
    also: Sequence[str] = ()
    """Names within those folders that are needed whatever else is there."""

    def of(self, names: Iterable[str]) -> list[str]:
        """The needed ones of these paths, in order.

        >>> Needed(files=["model_index.json"], folders=["unet"]).of([
        ...     "unet/diffusion_pytorch_model.bin", "unet/config.json",
        ...     "unet/diffusion_pytorch_model.safetensors", "v1-5-pruned.ckpt",
        ...     "unet/diffusion_pytorch_model.fp16.safetensors"])
        ['unet/config.json', 'unet/diffusion_pytorch_model.safetensors']
        """
        paths = [PurePosixPath(name) for name in sorted(names)]
        safe = {path.parent for path in paths if _SAFE.fullmatch(path.name)}
        return [str(path) for path in paths if self._has(path, safe=path.parent in safe)]

    def _has(self, path: PurePosixPath, *, safe: bool) -> bool:
        if len(path.parts) == 1:
            return _matches(path.name, self.files)
        if len(path.parts) > 2 or not _matches(path.parent.name, self.folders):
            return False
        if _matches(path.name, _SETTINGS) or path.name in self.also:
            return True
        return bool(_SAFE.fullmatch(path.name) or (not safe and _PICKLED.fullmatch(path.name)))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def fetch_repository(repository: str, options: HubOptions, needed: Needed) -> Path:
    """The folder of a repository on this machine, with what is needed of it.

    Raises:
        InputError: it is neither here nor to be had.
    """
    place: dict[str, Any] = {
        "revision": options.revision,
        "cache_dir": options.cache_dir,
        "token": options.token,
    }
    download = cast("Callable[..., Any]", huggingface_hub.snapshot_download)
    reason = "downloads are switched off"
    if not options.local_files_only:
        try:
            listing = download(repository, dry_run=True, **place)
            wanted = needed.of(file.filename for file in listing)
            return Path(download(repository, allow_patterns=wanted, **place))
        except (DryRunError, HTTPError, OSError) as error:
            reason = _in_brief(error)
    try:
        # Which of a repository's files are needed is known online only; that none is missing is
        # seen when they are read.
        kept = download(
            repository, allow_patterns=list(needed.files), local_files_only=True, **place
        )
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
