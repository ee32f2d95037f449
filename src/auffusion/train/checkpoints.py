"""Checkpoints of a run: folders that are whole or not there, hashed, and never pickled.

A checkpoint is `checkpoints/step-00000100/` with `state.safetensors` (weights, averages,
optimisers), `notes.json` and a `MANIFEST.json` of sizes and SHA-256. It is written beside its place
and renamed when all of it is on the disk; `LATEST` names the newest. Reading takes the newest one
that is whole, and says which were not.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from auffusion.errors import InputError
from auffusion.executor.outputs import is_output
from auffusion.files import write_file

MANIFEST, LATEST = "MANIFEST.json", "LATEST"
_STATE, _NOTES = "state.safetensors", "notes.json"
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was read."""

    step: int
    """Steps that were done."""
    tensors: dict[str, Tensor]
    """By name, on the CPU."""
    notes: dict[str, Any]
    """Plain data beside them."""


class CheckpointStore:
    """The checkpoints of a run.

    Args:
        folder: of the run; they lie in `checkpoints` there.
        keep: how many of the newest stay.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        if keep < 1:
            raise InputError(f"keep is {keep}: a run needs at least its last checkpoint")
        self.folder = folder / "checkpoints"
        self.keep = keep

    def save(self, step: int, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> Path:
        """Write a checkpoint; older ones than `keep` go when it is there.

        Raises:
            InputError: the disk is full or the folder may not be written to; the checkpoints that
                were there are untouched.
        """
        target = self.folder / f"step-{step:08d}"
        partial = self.folder / f".auffusion-{secrets.token_hex(8)}.tmp"
        try:
            partial.mkdir(parents=True)
            _write(partial, tensors, notes)
            # One of the same step that was damaged gives way.
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            _sync(self.folder)
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"cannot save the checkpoint {target} ({error}): make room and start the run "
                "again, it goes on from its last checkpoint"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        write_file(self.folder / LATEST, f"{target.name}\n".encode())
        for old in self._steps()[self.keep :]:
            shutil.rmtree(self.folder / f"step-{old:08d}", ignore_errors=True)
        return target

    def newest(self, on_damage: Callable[[str], None]) -> Checkpoint | None:
        """The newest whole checkpoint, or None where there is none.

        Args:
            on_damage: told of each newer one that is damaged, in a sentence.
        """
        for leftover in self.folder.glob(".auffusion-*.tmp"):
            shutil.rmtree(leftover, ignore_errors=True)
        for step in self._steps():
            folder = self.folder / f"step-{step:08d}"
            fault = _fault(folder)
            if not fault:
                return _read(folder, step)
            on_damage(f"the checkpoint {folder} is damaged ({fault}) and is passed over")
        return None

    def check_room(self, bytes_needed: int) -> None:
        """Refuse to begin where two checkpoints would not fit.

        Raises:
            InputError: the disk has less free space than that.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < 2 * bytes_needed:
            raise InputError(
                f"{self.folder} has {free / 1e9:.1f} GB free, but two checkpoints of this run take "
                f"{2 * bytes_needed / 1e9:.1f} GB: make room or name another folder"
            )

    def _steps(self) -> list[int]:
        """Steps of all checkpoints, the newest first."""
        names = (path.name for path in self.folder.glob("step-*") if path.is_dir())
        return sorted((int(found[1]) for n in names if (found := _NAME.fullmatch(n))), reverse=True)


def _write(folder: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / _STATE)
    (folder / _NOTES).write_text(json.dumps(dict(notes)), encoding="utf-8")
    files = {name: _told(folder / name) for name in (_STATE, _NOTES)}
    (folder / MANIFEST).write_text(json.dumps(files), encoding="utf-8")
    for name in (_STATE, _NOTES, MANIFEST):
        _sync(folder / name)
    _sync(folder)


def _told(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def _fault(folder: Path) -> str:
    """What is wrong with a checkpoint; empty where nothing is."""
    try:
        files: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_bytes())
        for name in (_STATE, _NOTES):
            if not is_output(folder / name, files[name]["sha256"]):
                return f"{name} is missing or is not what {MANIFEST} says"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{MANIFEST} cannot be read: {error}"
    return ""


def _read(folder: Path, step: int) -> Checkpoint:
    # safetensors does not annotate its reader.
    opened: Any = safe_open(folder / _STATE, "pt")
    with opened as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    notes: dict[str, Any] = json.loads((folder / _NOTES).read_bytes())
    return Checkpoint(step=step, tensors=tensors, notes=notes)


def _sync(path: Path) -> None:
    # A rename is on the disk only when the folder is; Windows has no such call.
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
