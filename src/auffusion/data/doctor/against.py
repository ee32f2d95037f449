"""Sets that the data set must share no sound with: prepared ones, manifests, plain lists of ids.

Of a prepared set or a manifest the rows of its test and validation splits count, or all where it
has no others than `train`: what one is trained on may be trained on twice.

Plain lists are, as they are published,
- one id a line;
- CSV with a column `youtube_id`, `ytid` or `freesound_id`, such as AudioCaps' `test.csv`
  (https://github.com/cdjkim/audiocaps/tree/master/dataset);
- JSON, one list of ids or several by name, such as WavCaps' blacklists
  (https://github.com/XinhaoMei/WavCaps/tree/master/data/json_files/blacklist).
An id is held against the ids of rows, and against their origins where it looks like one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from auffusion.data.description import FILE_COLUMNS, by_plain_name
from auffusion.data.doctor.manifest import Manifest, Row
from auffusion.data.doctor.origins import ID_COLUMNS, origin_of_id, row_origin, without_suffix
from auffusion.data.listing import Reject
from auffusion.data.tables import csv_rows
from auffusion.errors import InputError

_LARGEST_JSON = 64 << 20
_LONGEST_ID = 200


@dataclass(frozen=True, kw_only=True)
class ListedId:
    """A line of a plain list."""

    place: str
    """Where it stands."""
    id: str
    """As it is written, without the ending of a sound file."""
    origin: str
    """The origin that it looks like; empty where like none."""


class OtherSet:
    """A set that is held against the data set.

    Args:
        path: a prepared folder, a manifest or a list of ids.

    Raises:
        InputError: it is none of these.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.absolute().name
        self._manifest = Manifest(path) if _is_manifest(path) else None
        self._judged_only = self._manifest is not None and any(
            row.split not in {"", "train"}
            for row in self._manifest.rows()
            if not isinstance(row, Reject)
        )

    @property
    def root(self) -> Path:
        """What the paths of its rows are relative to."""
        return self._manifest.root if self._manifest else self.path.parent

    def entries(self) -> Iterator[Row | ListedId]:
        """What the data set must not hold; lines that cannot be read are passed over.

        Raises:
            InputError: the file cannot be read.
        """
        if self._manifest is None:
            return _listed_ids(self.path)
        rows = (row for row in self._manifest.rows() if not isinstance(row, Reject))
        return (row for row in rows if not self._judged_only or row.split not in {"", "train"})


def _is_manifest(path: Path) -> bool:
    if path.is_dir():
        return True
    suffix = path.suffix.lower()
    if suffix != ".csv":
        return suffix in {".jsonl", ".ndjson"}
    return not {*ID_COLUMNS} & _columns(path) and bool({*FILE_COLUMNS} & _columns(path))


def _columns(path: Path) -> set[str]:
    rows = islice(csv_rows(path, ()), 100)
    return {name for row in rows if not isinstance(row, Reject) for name in by_plain_name(row[1])}


def _listed_ids(path: Path) -> Iterator[ListedId]:
    suffix = path.suffix.lower()
    if suffix == ".csv" and {*ID_COLUMNS} & _columns(path):
        for row in csv_rows(path, ()):
            if not isinstance(row, Reject) and (origin := row_origin(by_plain_name(row[1]))):
                yield ListedId(place=row[0], id="", origin=origin)
        return
    ids = _json_ids(path) if suffix == ".json" else _lines(path)
    for number, text in enumerate(ids, start=1):
        if text.strip():
            place = f"{path.name}:{number}"
            yield ListedId(place=place, id=without_suffix(text), origin=origin_of_id(text))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            while line := lines.readline(_LONGEST_ID):
                yield line
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _json_ids(path: Path) -> Iterator[str]:
    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise InputError(f"{path} is too large for a list of ids: write one id a line")
        value: object = json.loads(path.read_bytes())
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path} as JSON: {error}") from error
    lists = list(cast("dict[str, object]", value).values()) if isinstance(value, dict) else [value]
    if not lists or not all(isinstance(one, list) for one in lists):
        raise InputError(f"{path} holds no lists of ids: write one id a line in a text file")
    for one in cast("list[list[object]]", lists):
        yield from (str(name)[:_LONGEST_ID] for name in one if isinstance(name, str | int))
