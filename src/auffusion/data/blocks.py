"""Arrays computed of clips and kept on disk, in blocks of a fixed number of clips.

A block is one `.npy` file for each array, and a record with their hashes and a fingerprint of all
that they were computed from: a block that is there, whole and of the same fingerprint is not
computed again. Where a clip's rows lie follows from its number, and they are read from a mapped
file, without decoding anything.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auffusion.errors import InputError
from auffusion.executor.outputs import is_output, write_output
from auffusion.files import write_file

CACHE = "cache.json"
"""What a cache was made of and how; written when all of its blocks are there."""

_OPEN_BLOCKS = 64
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Block:
    """What was computed of some clips."""

    arrays: Mapping[str, Array]
    """By name; the first of them has the clips' rows, one after the other on the first axis."""
    starts: Sequence[int]
    """The first row of each clip in that array, and behind the last clip the number of rows."""


def block_name(number: int) -> str:
    """Name of a block.

    >>> block_name(7)
    '000007'
    """
    return f"{number:06d}"


def fingerprint(basis: object) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


def write_block(folder: Path, name: str, block: Block, made_of: str) -> None:
    """Write a block; its record comes last.

    Raises:
        InputError: the disk is full or the folder may not be written to.
    """
    hashes: dict[str, str] = {}
    for array_name, array in block.arrays.items():
        data = io.BytesIO()
        np.save(data, array, allow_pickle=False)
        hashes[array_name] = write_output(folder / f"{name}.{array_name}.npy", data.getvalue())
    record = {"made_of": made_of, "arrays": hashes, "starts": list(block.starts)}
    write_file(folder / f"{name}.json", json.dumps(record).encode())


def has_block(folder: Path, name: str, made_of: str) -> bool:
    """Whether the block is there, whole, and made of the same."""
    try:
        record = _record(folder, name)
        return record["made_of"] == made_of and all(
            is_output(folder / f"{name}.{array_name}.npy", sha256)
            for array_name, sha256 in record["arrays"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def finish_cache(folder: Path, names: Sequence[str], about: Mapping[str, Any]) -> None:
    """Remove blocks of other names and write what the cache is.

    Raises:
        InputError: the disk is full or the folder may not be written to.
    """
    known = set(names)
    for path in folder.iterdir():
        if path.suffix in {".npy", ".json"} and path.name.split(".")[0] not in known:
            path.unlink()
    write_file(folder / CACHE, (json.dumps(dict(about), indent=1) + "\n").encode())


class BlockReader:
    """Reads what was computed of a clip.

    Args:
        folder: a finished cache.

    Raises:
        InputError: the folder holds no cache, or one that is not finished.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / CACHE
        if not path.is_file():
            raise InputError(
                f"{folder} holds no finished cache ({CACHE} is not there): run auffusion data "
                "cache, which goes on where it stopped"
            )
        self.about: dict[str, Any] = json.loads(path.read_bytes())
        self._block = lru_cache(maxsize=_OPEN_BLOCKS)(self._open)

    def __getstate__(self) -> dict[str, Any]:
        # Mapped files cannot be sent; the other side maps them itself.
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])

    def rows(self, clip: int, array: str) -> Array:
        """The rows of a clip, of the array that has them; a view of the file.

        Raises:
            InputError: the block is gone or damaged.
        """
        number, place = divmod(clip, self.about["block_clips"])
        starts, arrays = self._block(block_name(number))
        return arrays[array][starts[place] : starts[place + 1]]

    def whole(self, clip: int, array: str) -> Array:
        """An array of the block that a clip is in; a view of the file.

        Raises:
            InputError: as `rows`.
        """
        return self._block(block_name(clip // self.about["block_clips"]))[1][array]

    def _open(self, name: str) -> tuple[list[int], dict[str, Array]]:
        try:
            record = _record(self.folder, name)
            arrays: dict[str, Array] = {
                array: np.load(
                    self.folder / f"{name}.{array}.npy", mmap_mode="r", allow_pickle=False
                )
                for array in record["arrays"]
            }
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"block {name} of {self.folder} cannot be read ({error}): run auffusion data cache "
                "again"
            ) from error
        return record["starts"], arrays


def _record(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_bytes())
