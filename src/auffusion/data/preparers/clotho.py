"""Clotho: fifteen to thirty seconds of Freesound's recordings with five captions each.

https://zenodo.org/records/4783391 (v2.1: 3,839 clips to train, 1,045 to validate and 1,045 to
test) and https://zenodo.org/records/3490684 (v1: 2,893 and 1,045, no validation) hold for each
split a 7z archive, which unpacks to a folder `development`, `validation` or `evaluation` of WAV
files at 44.1 kHz, and two lists:
- `clotho_captions_SPLIT.csv`: `file_name,caption_1,...,caption_5`;
- `clotho_metadata_SPLIT.csv`: `file_name,keywords,sound_id,sound_link,start_end_samples,
  manufacturer,license`; keywords are parted by `;`, the manufacturer is who uploaded it, the
  licence is the address of one of Creative Commons'.
Lists and folders may also lie in `clotho_csv_files` and `clotho_audio_files`.

Oddities, seen in v2.1's lists of captions or in code that reads the metadata, which were not at
hand themselves (https://github.com/Labbeti/aac-datasets):
- v2's metadata are ISO 8859-1; v1's are read as UTF-8 there. A list that is no UTF-8 is taken for
  ISO 8859-1 here;
- where the sound is not known any more, `sound_id` is `Not found` (19 clips), `sound_link` is `NA`
  or `start_end_samples`, else `[1024, 845524]`, is empty;
- names begin with a space or hold several; four names stand in two splits;
- v2.1 replaced letters that file systems refuse, such as `:`, in about ten names, and unpacking
  an older version may do so too: a name that is not there as listed is found with a `_` in
  their and their spaces' place, where only one file fits.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from auffusion.data.captions import captions_of
from auffusion.data.licences import license_at
from auffusion.data.listing import (
    DataSet,
    Extra,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    missing,
)
from auffusion.data.tables import csv_rows, inside
from auffusion.errors import InputError

_SPLITS = {"development": "train", "validation": "validation", "evaluation": "test"}
_SINCE_V2 = "validation"
_CAPTIONS = tuple(f"caption_{number}" for number in range(1, 6))
_METADATA = ("keywords", "sound_id", "sound_link", "start_end_samples", "manufacturer", "license")
_UNKNOWN = frozenset({"", "na", "not found"})
_REFUSED = re.compile(r'[\s_:*?"<>|\\/]+')
_SAMPLES = re.compile(r"\[\s*(\d{1,12}),\s*(\d{1,12})\s*\]")

Cells = dict[str, str]
"""A row's cells by column."""


@dataclass(frozen=True, kw_only=True)
class _Split:
    """Where one split's files are."""

    name: str
    """As Clotho calls it."""
    captions: Path
    """Its list of captions."""
    metadata: Path
    """Its list of metadata."""
    sounds: str
    """Its folder below the data set's."""


def _read(source: Path, _work: Path) -> Listing:
    for split in [_split(source, name) for name in _SPLITS if _is_there(source, name)]:
        metadata: dict[str, Cells] = {}
        for row in csv_rows(
            split.metadata, ("file_name", *_METADATA), encoding=_encoding(split.metadata)
        ):
            if isinstance(row, Reject):
                yield row
            else:
                metadata.setdefault(row[1]["file_name"], row[1])
        sounds = _Sounds(source, split.sounds)
        columns = ("file_name", *_CAPTIONS)
        for row in csv_rows(split.captions, columns, encoding=_encoding(split.captions)):
            yield row if isinstance(row, Reject) else _listed(split, sounds, metadata, *row)


def _is_there(source: Path, name: str) -> bool:
    """Whether a split is to be read: v1 has no validation, and then nothing of it is there."""
    return name != _SINCE_V2 or any(
        (source / folder / entry).exists()
        for folder, entry in (
            ("", name),
            ("", f"clotho_captions_{name}.csv"),
            ("clotho_audio_files", name),
            ("clotho_csv_files", f"clotho_captions_{name}.csv"),
        )
    )


def _split(source: Path, name: str) -> _Split:
    return _Split(
        name=name,
        captions=source / _place(source, "clotho_csv_files", f"clotho_captions_{name}.csv"),
        metadata=source / _place(source, "clotho_csv_files", f"clotho_metadata_{name}.csv"),
        sounds=_place(source, "clotho_audio_files", name),
    )


def _place(source: Path, folder: str, name: str) -> str:
    for place in (name, f"{folder}/{name}"):
        if (source / place).exists():
            return place
    raise InputError(
        f"{source} holds no {name}, nor does its folder {folder}: fetch it from "
        "https://zenodo.org/records/4783391 and unpack the archives"
    )


def _encoding(path: Path) -> str:
    """UTF-8, unless the file is none; every file is ISO 8859-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 16):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "iso-8859-1"
    return "utf-8"


class _Sounds:
    """The sounds of a folder by name."""

    def __init__(self, source: Path, folder: str) -> None:
        self._source = source
        self._folder = folder
        names = [path.name for path in (source / folder).iterdir()]
        count = Counter(map(_folded, names))
        self._names = frozenset(names)
        self._alike = {_folded(name): name for name in names if count[_folded(name)] == 1}

    def find(self, name: str) -> tuple[Path, str] | None:
        """A listed sound, and how the manifest names it."""
        there = name if name in self._names else self._alike.get(_folded(name))
        if there is None:
            return None
        found = f"{self._folder}/{there}"
        path = inside(self._source, found)
        return None if path is None or not path.is_file() else (path, found)

    def path_of(self, name: str) -> str:
        """Where a listed sound ought to be."""
        return f"{self._folder}/{name}"


def _folded(name: str) -> str:
    return _REFUSED.sub("_", name)


def _listed(
    split: _Split, sounds: _Sounds, metadata: dict[str, Cells], place: str, cells: Cells
) -> Listed | Reject:
    name = cells["file_name"]
    key = clip_key(split.name, name.removesuffix(".wav"))
    if inside(Path(), name) is None:
        detail = f"{place} was left out: {name[:80]!r} is no file's name"
        return Reject(key=place, source="", reason=Reason.PATH, detail=detail)
    captions = captions_of(cells[column] for column in _CAPTIONS)
    if not captions:
        detail = f"{place} was left out: it has no caption"
        return Reject(key=key, source="", reason=Reason.CAPTION, detail=detail)
    found = sounds.find(name)
    if found is None:
        return missing(key, sounds.path_of(name), "unpack the split's archive again")
    known = metadata.get(name, {})
    url = _told(known, "license")
    return Listed(
        key=key,
        file=found[0],
        source=found[1],
        captions=captions,
        split=_SPLITS[split.name],
        origin=_origin(_told(known, "sound_id")),
        license=license_at(url),
        license_url=url,
        author=_told(known, "manufacturer"),
        extra=_extra(known),
    )


def _told(known: Cells, column: str) -> str:
    """A cell, empty where it says that nothing is known."""
    cell = known.get(column, "").strip()
    return "" if cell.lower() in _UNKNOWN else cell


def _origin(sound_id: str) -> str:
    return f"freesound:{sound_id}" if sound_id.isascii() and sound_id.isdigit() else ""


def _extra(known: Cells) -> Extra:
    extra: Extra = {}
    for column in ("keywords", "sound_link"):
        if told := _told(known, column):
            extra[column] = told
    if samples := _SAMPLES.fullmatch(_told(known, "start_end_samples")):
        extra |= {"start_sample": int(samples[1]), "end_sample": int(samples[2])}
    return extra


CLOTHO = DataSet(
    name="clotho",
    title="Clotho",
    about="5,929 recordings of 15-30 s (v2.1) from Freesound with five captions each.",
    homepage="https://zenodo.org/records/4783391",
    license="Tampere University's, non-commercial (captions); each sound has its own",
    layout=(
        "clotho_captions_SPLIT.csv and clotho_metadata_SPLIT.csv, there or in clotho_csv_files, "
        "and folders development, validation (none in v1) and evaluation of WAV files, there or "
        "in clotho_audio_files"
    ),
    read=_read,
)
