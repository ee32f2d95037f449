"""A run's folder belongs to one set of settings, and to one process at a time."""

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from auffusion.errors import InputError
from auffusion.executor.outputs import locked
from auffusion.files import write_file

SETTINGS = "settings.json"

# How often to save, what to play and where curves go change nothing of the result.
_HARMLESS = {"save_every", "keep", "listen_every", "listening", "tracker", "most_bad_steps"}
# These change the order of sums.
_ROUNDING = {"micro_batch", "threads", "compile"}


@contextmanager
def own_folder(folder: Path) -> Generator[None]:
    """Make the run's folder, and be alone in it until the end of the block.

    Raises:
        InputError: it cannot be made, or another process trains in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder} ({error.strerror}): name another"
        ) from error
    with locked(folder):
        yield


def claim(folder: Path, about: Mapping[str, Any], *, first: bool) -> None:
    """Write a run's settings, or compare them with those that its folder was begun with.

    Args:
        folder: of the run.
        about: all that decides the result; tables may hold tables.
        first: whether this process writes and speaks.

    Raises:
        InputError: the folder was begun with others, or cannot be written to.
    """
    path = folder / SETTINGS
    text = json.dumps(dict(about), indent=1, default=str) + "\n"
    if path.is_file():
        notes = _compare(path, _flat(json.loads(text)))
        for note in notes if first else ():
            sys.stderr.write(f"{note}\n")
    elif any((folder / "checkpoints").glob("step-*")):
        raise InputError(
            f"{folder} has checkpoints but no {SETTINGS}: put it back from a copy, or name another "
            "folder"
        )
    if first and (not path.is_file() or path.read_text(encoding="utf-8") != text):
        write_file(path, text.encode())


def _compare(path: Path, now: dict[str, Any]) -> list[str]:
    """What is to be said of changes that are allowed."""
    before = _flat(_read(path))
    notes: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old == new or name.split(".")[0] in _HARMLESS:
            continue
        if name in _ROUNDING:
            notes.append(f"{name} was {old!r} and is {new!r}: losses agree to rounding only")
        elif name == "steps":
            if now.get("decay_from") != 1:
                notes.append(f"steps was {old} and is {new}: the rate falls along another curve")
        else:
            raise InputError(
                f"{path.parent} was begun with {name} = {old!r}, not {new!r}: name another folder, "
                "or use the settings it has"
            )
    return notes


def _read(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is damaged ({error}): put it back from a copy, or name another folder"
        ) from error
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _flat(table: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Tables in tables as one, under names with dots."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(cast("dict[str, Any]", value), f"{place}{name}.")
        else:
            found[f"{place}{name}"] = value
    return found
