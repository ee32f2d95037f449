"""A prepared data set, read at any place: by number of clip, from the shard and offset."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from auffusion.data.assembling import FACTS, INDEX, INDEX_ROW, PreparedFacts
from auffusion.data.clips import MANIFEST, SAMPLE_RATE, Clip, clip_of
from auffusion.data.listing import SPLITS
from auffusion.data.shards import read_member
from auffusion.errors import InputError

_LONGEST_ROW = 1 << 24


class PreparedData:
    """The clips of a prepared data set, by number.

    The index stays on disk and is read where it is asked: opening a million clips costs no more
    memory than opening ten. It may be sent to other processes.

    Args:
        folder: what `auffusion data prepare` wrote.

    Raises:
        InputError: the folder holds no data set, or one that is not finished or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = read_facts(folder)
        self._index: NDArray[Any] = _open_index(folder)
        self._shards = [folder / shard["name"] for shard in self.facts.shards]
        if len(self._index) != self.facts.count:
            raise InputError(
                f"{folder} is damaged: its index has {len(self._index)} clips, expected "
                f"{self.facts.count}; prepare it again"
            )

    def __len__(self) -> int:
        return len(self._index)

    def __getstate__(self) -> dict[str, Any]:
        # A mapped file cannot be sent; the other side maps it itself.
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])

    def of_split(self, split: str) -> range:
        """The numbers of a split's clips, which follow each other."""
        numbers = self._index["split"]
        first, last = np.searchsorted(numbers, [SPLITS.index(split), SPLITS.index(split) + 1])
        return range(int(first), int(last))

    def seconds(self, number: int) -> float:
        """Length of a clip, without opening it."""
        return int(self._index[number]["samples"]) / SAMPLE_RATE

    def shard_of(self, number: int) -> tuple[int, int]:
        """(number of the shard, place of the clip in it)."""
        shard = int(self._index[number]["shard"])
        return shard, number - int(np.searchsorted(self._index["shard"], shard))

    def samples(self, number: int) -> NDArray[np.int16]:
        """A clip's sound at 16 kHz.

        Raises:
            InputError: its shard is gone or damaged.
        """
        row = self._index[number]
        shard = self._shards[int(row["shard"])]
        data = read_member(shard, int(row["offset"]), int(row["size"]))
        try:
            decoded, _ = soundfile.read(io.BytesIO(data), dtype="int16")
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"clip {number} of {shard} is damaged ({error.error_string}); prepare it again"
            ) from error
        return np.asarray(decoded, np.int16)

    def clip(self, number: int) -> Clip:
        """What the manifest says of a clip.

        Raises:
            InputError: the manifest is not the one that the index was made for.
        """
        with (self.folder / MANIFEST).open("rb") as manifest:
            manifest.seek(int(self._index[number]["line"]))
            line = manifest.readline(_LONGEST_ROW)
        try:
            return clip_of(json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"clip {number} of {self.folder / MANIFEST} cannot be read ({error}); prepare it "
                "again"
            ) from error

    def clips(self) -> Iterator[Clip]:
        """What the manifest says of all clips, in order."""
        return (self.clip(number) for number in range(len(self)))

    def verify(self, number: int) -> bool:
        """Whether a clip's samples are those that the manifest's hash was taken of."""
        samples = self.samples(number).astype("<i2").tobytes()
        return hashlib.sha256(samples).hexdigest() == self.clip(number).sha256


def read_facts(folder: Path) -> PreparedFacts:
    """What a prepared data set is.

    Raises:
        InputError: the folder holds none, or one that is not finished.
    """
    path = folder / FACTS
    if not path.is_file():
        raise InputError(
            f"{folder} holds no finished data set ({FACTS} is not there): run auffusion data "
            "prepare, which goes on where it stopped"
        )
    try:
        return PreparedFacts(**json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): prepare the data set again") from error


def _open_index(folder: Path) -> NDArray[Any]:
    path = folder / INDEX
    try:
        index = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read ({error}): prepare the data set again") from error
    if index.dtype != INDEX_ROW:
        raise InputError(f"{path} is not laid out as expected: prepare the data set again")
    return index
