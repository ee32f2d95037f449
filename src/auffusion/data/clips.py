"""A prepared data set: short mono sounds in tar shards, and a manifest of what each one is."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from auffusion.data.listing import Extra
from auffusion.errors import InputError

SAMPLE_RATE = 16_000
"""Samples a second of every clip."""

MANIFEST = "manifest.jsonl"
"""A line a clip, written when all clips are there."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One line of a manifest."""

    id: str
    """Unique: the data set's name and the clip's key in it; letters, digits, `-` and `_`."""
    dataset: str
    """Name of the data set."""
    path: str
    """The file that holds its sound, relative to the manifest's folder: a tar shard or a sound."""
    captions: tuple[str, ...]
    """Sentences; the first is the main one."""
    split: str
    """`train`, `validation` or `test`."""
    seconds: float
    """Length."""
    offset: int | None = None
    """First byte of its FLAC file in the shard; None where `path` is a sound file itself."""
    size: int | None = None
    """Bytes of its FLAC file in the shard."""
    sha256: str = ""
    """Of its samples as little-endian 16-bit integers."""
    labels: tuple[str, ...] = ()
    """Classes, where the data set has them."""
    source: str = ""
    """The file it was cut from, relative to its data set's folder."""
    start_s: float = 0.0
    """Where in that file it begins."""
    source_seconds: float | None = None
    """How long that file is."""
    source_rate: int | None = None
    """That file's samples a second."""
    origin: str = ""
    """Where the recording was first published: `youtube:ID`, `freesound:NUMBER`."""
    license: str = "unknown"
    """SPDX identifier where there is one."""
    license_url: str = ""
    """Where the licence can be read."""
    author: str = ""
    """Whom to name."""
    extra: Extra = field(default_factory=lambda: {})
    """What only this data set knows."""

    @property
    def label(self) -> str:
        """The main class; empty where there is none."""
        return self.labels[0] if self.labels else ""


_NAMES = frozenset(one.name for one in fields(Clip))
_TUPLES = frozenset({"captions", "labels"})


def read_clips(folder: Path) -> list[Clip]:
    """The manifest of a prepared data set, whole in memory; `iter_clips` streams it.

    Raises:
        InputError: the folder holds none, or one that is not ours.
    """
    return list(iter_clips(folder))


def iter_clips(folder: Path) -> Iterator[Clip]:
    """The clips of a prepared data set, one by one.

    Raises:
        InputError: as `read_clips`.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder} holds no {MANIFEST}: prepare the data set there first")
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield clip_of(json.loads(line))
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"line {number} of {path} describes no clip ({error}): prepare it again"
                ) from error


def clip_of(values: dict[str, Any]) -> Clip:
    """A clip from the object of its line; names that a later version added are passed over.

    Raises:
        TypeError: a field is missing.
    """
    known = {name: value for name, value in values.items() if name in _NAMES}
    known |= {name: tuple(known[name]) for name in _TUPLES & known.keys()}
    return Clip(**known)


def clip_row(clip: Clip) -> dict[str, Any]:
    """The object of a clip's line; fields that say nothing are left out.

    >>> clip_row(Clip(id="a-1", dataset="a", path="1.wav", captions=("rain",), split="train",
    ...               seconds=2.0))["captions"]
    ['rain']
    """
    row = asdict(clip) | {name: list(getattr(clip, name)) for name in _TUPLES}
    return {name: value for name, value in row.items() if value not in (None, "", [], {})}


def json_lines(rows: Iterable[object]) -> bytes:
    """One JSON value a line, as UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
