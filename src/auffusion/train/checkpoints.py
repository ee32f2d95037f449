"""Checkpoints of a run: folders that are whole or not there, hashed, and never pickled.

A checkpoint is `checkpoints/step-00000100/` with `state.safetensors` (weights, averages,
optimisers), `notes.json` and a `MANIFEST.json` of sizes and SHA-256. It is written beside its place
and renamed when all of it is on the disk. Reading takes the newest one that is whole, and says
which were not; `LATEST` names it for people and scripts, and nothing depends on it.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from auffusion.errors import InputError
from auffusion.executor.outputs import is_output
from auffusion.files import write_file
from auffusion.train.whole_folder import sweep_folders, whole_folder

MANIFEST, LATEST = "MANIFEST.json", "LATEST"
_STATE, _NOTES = "state.safetensors", "notes.json"
_NAME = re.compile(r"step-(\d{8,})")


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
        self._damaged: set[int] = set()

    def save(self, step: int, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> Path:
        """Write a checkpoint; older ones than `keep` go when it is there.

        Raises:
            InputError: the disk is full or the folder may not be written to; the checkpoints that
                were there are untouched.
        """
        target = self._place(step)
        with whole_folder(target) as partial:
            _write(partial, tensors, notes)
        self._damaged.discard(step)
        # Newer ones than the one just saved were damaged, or the run would have gone on from them.
        for one in self._steps():
            if one > step or one in self._damaged:
                self._remove(one)
        self.settle(step)
        return target

    def settle(self, step: int) -> None:
        """Name a checkpoint in `LATEST`, and let the whole ones before it go that are too many.

        The end of a save. A resumed run calls it too: a kill can come between the checkpoint and
        this, and behind the last checkpoint no other save would make up for it.
        """
        write_file(self.folder / LATEST, f"{self._place(step).name}\n".encode())
        # Damaged ones, counted among those to keep, would push out the whole ones.
        whole = [s for s in self._steps() if s <= step and s not in self._damaged]
        for one in whole[self.keep :]:
            self._remove(one)

    def newest(self, on_damage: Callable[[str], None]) -> Checkpoint | None:
        """The newest whole checkpoint, or None where there is none at all.

        Only while no other process saves.

        Args:
            on_damage: told of each newer one that is damaged, in a sentence.

        Raises:
            InputError: there are some, but none is whole.
        """
        sweep_folders(self.folder)
        for step in self._steps():
            try:
                found = self.read(step)
            except InputError as error:
                self._damaged.add(step)
                on_damage(f"{error}; it is passed over")
                continue
            self._compare_latest(found, on_damage)
            return found
        if self._damaged:
            raise InputError(
                f"{self.folder} has no whole checkpoint left: put one back from a copy, or remove "
                "the folder to begin again"
            )
        return None

    def read(self, step: int) -> Checkpoint:
        """The checkpoint of a step.

        Raises:
            InputError: it is missing or damaged.
        """
        folder = self._place(step)
        try:
            return _read(folder, step)
        except (OSError, SafetensorError, ValueError, RecursionError) as error:
            raise InputError(f"the checkpoint {folder} is damaged ({error})") from error

    def check_room(self, size: int) -> None:
        """Refuse to begin where the checkpoints that will be would not fit.

        Args:
            size: bytes of one.

        Raises:
            InputError: the disk has less free space than that.
        """
        # The oldest goes only when the newest is there.
        more = max(1, self.keep + 1 - len(self._steps()))
        existing = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free
        if free < more * size:
            raise InputError(
                f"{self.folder} has {free / 1e9:.1f} GB free, but {more} more checkpoints of this "
                f"run take {more * size / 1e9:.1f} GB: make room, lower loop.keep or name another "
                "folder"
            )

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"

    def _steps(self) -> list[int]:
        """Steps of all checkpoints, the newest first."""
        names = (path.name for path in self.folder.glob("step-*") if path.is_dir())
        return sorted((int(found[1]) for n in names if (found := _NAME.fullmatch(n))), reverse=True)

    def _remove(self, step: int) -> None:
        shutil.rmtree(self._place(step), ignore_errors=True)

    def _compare_latest(self, found: Checkpoint, on_damage: Callable[[str], None]) -> None:
        path, name = self.folder / LATEST, self._place(found.step).name
        try:
            told = path.read_bytes()[:80].decode("utf-8", "backslashreplace").strip()
        except OSError:
            told = ""
        if told != name:
            on_damage(f"{path} says {told!r}, but {name} is the newest whole one and is used")


def _write(folder: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / _STATE)
    (folder / _NOTES).write_text(json.dumps(dict(notes)), encoding="utf-8")
    files = {name: _told(folder / name) for name in (_STATE, _NOTES)}
    (folder / MANIFEST).write_text(json.dumps(files), encoding="utf-8")


def _told(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def _read(folder: Path, step: int) -> Checkpoint:
    files = _object(folder / MANIFEST)
    for name in (_STATE, _NOTES):
        if not is_output(folder / name, _hash(files, name)):
            raise ValueError(f"{name} is missing or is not what {MANIFEST} says")
    # safetensors does not annotate its reader.
    opened: Any = safe_open(folder / _STATE, "pt")
    with opened as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return Checkpoint(step=step, tensors=tensors, notes=_object(folder / _NOTES))


def _hash(files: Mapping[str, Any], name: str) -> str:
    try:
        return str(files[name]["sha256"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{MANIFEST} does not name {name}") from error


def _object(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no object")
    return cast("dict[str, Any]", found)
