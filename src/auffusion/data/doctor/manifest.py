"""A list of sounds, as the doctor reads it: ours, or anybody's in JSON lines or CSV."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from auffusion.data.clips import MANIFEST
from auffusion.data.description import (
    CAPTION_COLUMNS,
    FILE_COLUMNS,
    LABEL_COLUMNS,
    as_text,
    by_plain_name,
    first_filled,
    seconds_of,
    spdx_of,
)
from auffusion.data.doctor.origins import row_origin
from auffusion.data.folders import SOUND_SUFFIXES
from auffusion.data.listing import Reason, Reject, left_out
from auffusion.data.prepared import PreparedData
from auffusion.data.splits import split_of_word
from auffusion.data.tables import csv_rows, json_rows
from auffusion.errors import InputError

_FILES = ("path", *FILE_COLUMNS)
_SECONDS = ("seconds", "duration", "duration_s")
_NUMBERED_CAPTION = re.compile(r"caption_?\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 1_000  # of an id or an origin; paths are bounded by the file system


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row that can be read."""

    place: str
    """Where it stands, such as `clips.csv:12`."""
    id: str
    """Empty where the row has none."""
    path: str
    """The file that holds its sound, as the row names it."""
    captions: tuple[str, ...]
    """As they are, blank ones too."""
    split: str = ""
    """`train`, `validation`, `test`, or empty where the row names none."""
    offset: int | None = None
    """First byte of its sound in the file; None where the file is the sound."""
    size: int | None = None
    """Bytes of its sound in the file."""
    seconds: float | None = None
    """Its declared length."""
    sha256: str = ""
    """Declared hash of its samples, as a `Clip` has it."""
    labels: tuple[str, ...] = ()
    """Classes."""
    source: str = ""
    """The recording that it was cut from, where the row names one or is one."""
    origin: str = ""
    """Where the recording was first published: `youtube:ID` or `freesound:NUMBER`."""
    license: str = ""
    """SPDX identifier where there is one; empty or `unknown` where nobody knows."""
    name: str = ""
    """What its file was called before it was stored: tells what it sounds like, often."""


class RowError(Exception):
    """What is wrong with a row; never leaves the reading of that row."""


class Manifest:
    """The rows of a prepared folder or of a manifest file.

    Args:
        source: a folder that `auffusion data prepare` wrote, or a file of JSON lines or CSV.

    Raises:
        InputError: there is no such thing, or the prepared folder is damaged.
    """

    def __init__(self, source: Path) -> None:
        self.prepared = source.is_dir()
        self.path = source / MANIFEST if self.prepared else source
        self.root = self.path.parent
        self.name = source.absolute().name
        self._count = len(PreparedData(source)) if self.prepared else None
        if not self.path.is_file():
            raise InputError(
                f"there is no manifest {self.path}: name a prepared folder, or a list of sounds in "
                "JSON lines or CSV"
            )

    def values(self) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
        """The rows as they came: (place, values) pairs.

        Raises:
            InputError: the file is no list of sounds.
        """
        if self.path.suffix.lower() == ".csv":
            return self._csv()
        return json_rows(self.path)

    def rows(self) -> Iterator[Row | Reject]:
        """The rows as they are understood.

        Raises:
            InputError: as `values`; or a prepared folder's manifest is not the one it was made of.
        """
        count = 0
        for one in self.values():
            count += 1
            yield one if isinstance(one, Reject) else read_row(*one)
        if self._count is not None and count != self._count:
            raise InputError(
                f"{self.path} has {count} clips, expected {self._count}: prepare it again"
            )

    def _csv(self) -> Iterator[tuple[str, dict[str, str]] | Reject]:
        checked = False
        for one in csv_rows(self.path, ()):
            if not checked and not isinstance(one, Reject):
                checked = True
                _check_columns(self.path, one[1])
            yield one


def _check_columns(path: Path, cells: Mapping[str, str]) -> None:
    if not set(by_plain_name(cells)) & set(_FILES):
        raise InputError(
            f"{path} has no column that names a sound ({', '.join(_FILES[:4])} …), its columns "
            f"are {', '.join(cells)[:500]}: name the column path"
        )


def read_row(place: str, values: Mapping[str, Any]) -> Row | Reject:
    """A row, or what is wrong with it."""
    try:
        return _row(place, by_plain_name(values))
    except RowError as error:
        return left_out(place, Reason.ROW, str(error))


def _row(place: str, row: Mapping[str, object]) -> Row:
    path = first_filled(row, _FILES)
    if not isinstance(path, str):
        raise RowError("it names no sound")
    offset, size = _whole(row, "offset"), _whole(row, "size")
    if (offset is None) != (size is None):
        raise RowError("it has but one of offset and size")
    named = _name(row, "source")
    is_file = PurePosixPath(named).suffix.lower() in SOUND_SUFFIXES
    source = f"{_name(row, 'dataset')}/{named}" if is_file else "" if offset is not None else path
    return Row(
        place=place,
        id=_name(row, "id"),
        path=path,
        captions=_captions(row),
        split=_split(row),
        offset=offset,
        size=size,
        seconds=_seconds(row),
        sha256=_sha256(row),
        labels=tuple(as_text(one) for one in _listed(first_filled(row, LABEL_COLUMNS))),
        source=source,
        origin=row_origin(row),
        license=_license(row),
        name=named or ("" if offset is not None else path),
    )


def _name(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str | int) or len(str(value)) > _LONGEST_NAME:
        raise RowError(f"its {column} {str(value)[:40]!r} is no name")
    return str(value).strip()


def _whole(row: Mapping[str, object], column: str) -> int | None:
    value = row.get(column)
    if value in (None, ""):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise RowError(f"its {column} {str(value)[:40]!r} is no number of bytes")
    return value


def _seconds(row: Mapping[str, object]) -> float | None:
    value = first_filled(row, _SECONDS)
    if value is None:
        return None
    number = seconds_of(value)
    if number is None:
        raise RowError(f"its length {str(value)[:40]!r} is no time in seconds")
    return number


def _sha256(row: Mapping[str, object]) -> str:
    value = _name(row, "sha256").lower()
    if value and not _SHA256.fullmatch(value):
        raise RowError(f"its sha256 {value[:40]!r} is no hash of 64 hexadecimal digits")
    return value


def _split(row: Mapping[str, object]) -> str:
    name = _name(row, "split")
    split = split_of_word(name)
    if name and not split:
        raise RowError(f"its split {name[:40]!r} is none of train, validation and test")
    return split


def _captions(row: Mapping[str, object]) -> tuple[str, ...]:
    numbered = [row[name] for name in row if _NUMBERED_CAPTION.fullmatch(name)]
    texts = _listed(first_filled(row, CAPTION_COLUMNS) or numbered)
    if not all(isinstance(text, str) for text in texts):
        raise RowError(f"its caption {str(texts)[:40]} is no text")
    return cast("tuple[str, ...]", tuple(texts))


def _license(row: Mapping[str, object]) -> str:
    # A name that says nothing may have an address that does.
    told = (as_text(row.get(one)) for one in ("license", "licence", "license_url", "licence_url"))
    names = (spdx_of(one) for one in told if one)
    return next((name for name in names if name != "unknown"), "")[:_LONGEST_NAME]


def _listed(value: object) -> list[object]:
    """A value as a list; a cell of CSV may hold one as JSON."""
    if isinstance(value, str) and value.lstrip().startswith('["'):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if value is None else [value]
