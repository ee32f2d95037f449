"""A Hugging Face data set as its folder lies on the disk; without network and `datasets`.

Three layouts are read, each as documented and as `datasets` 5.2 writes it:

- Parquet files with sounds in them (https://huggingface.co/docs/hub/datasets-audio, "Parquet
  format"; `data/train-00000-of-00002.parquet` of `push_to_hub`): a struct of `bytes` and `path`, or
  bytes alone; class names and licence from the Parquet metadata and the README's header
  (https://huggingface.co/docs/hub/datasets-cards). Splits are those of the README's `configs`, else
  words in the names of folders, else of files
  (https://huggingface.co/docs/hub/datasets-file-names-and-splits). A split of another name is
  `train`, and its own name is kept.
- Folders of `save_to_disk` (https://huggingface.co/docs/datasets/process, "Save"):
  `dataset_dict.json` and a folder a split, or one split alone, each with `state.json`,
  `dataset_info.json` and `data-00000-of-00001.arrow`.
- AudioFolder (https://huggingface.co/docs/datasets/audio_dataset): `metadata.csv`, `.jsonl` or
  `.parquet` in the folder of the sounds or above it, with `file_name` relative to it; else the
  folder of a sound is its class and so its caption. Words of splits count in names of folders
  only: a file `train_horn.wav` is none of a split. A folder `train` beside other classes is a
  class.

A folder of the hub's cache (https://huggingface.co/docs/huggingface_hub/guides/manage-cache) may be
given as it is. Bytes of sounds are written to the folder for temporary files, each as it is listed.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from auffusion.data.arrow_tables import ClassNames, DamagedTable, TableFile, open_table
from auffusion.data.dataset_card import DatasetCard, read_card
from auffusion.data.description import Description, RowFault, as_words, can_describe, describe
from auffusion.data.folders import SOUND_SUFFIXES, UNREAD_SUFFIXES, sound_files
from auffusion.data.hub_folder import METADATA, HubFolder, TableShard
from auffusion.data.listing import DataSet, Listed, Listing, Reason, Reject, clip_key
from auffusion.data.rows import Place, check_columns, list_rows, listed_clip, listed_file
from auffusion.errors import InputError

LAYOUT = (
    "metadata.csv, .jsonl or .parquet and sounds; or folders of sounds named after their classes; "
    "or data/train-00000-of-00001.parquet and so on; or state.json and data-*.arrow of save_to_disk"
)

_SUFFIXES = SOUND_SUFFIXES | UNREAD_SUFFIXES
# The first bytes of a sound file tell more than the name it once had.
_KINDS = {b"RIFF": ".wav", b"RF64": ".wav", b"fLaC": ".flac", b"OggS": ".ogg"}
_LONGEST_NAME = 1_000


class _Row(NamedTuple):
    """A row of a table."""

    number: int
    """Of the row, from 1."""
    place: str
    """The table and that number."""
    values: dict[str, object]
    """By column, classes by their names."""
    sound: dict[str, Any]
    """Its `bytes` and `path`, where the table has sounds."""


def read(source: Path, work: Path) -> Listing:
    """The clips of a data set's folder."""
    if not source.is_dir():
        raise InputError(f"{source} is no folder, expected one that holds {LAYOUT}")
    hub = HubFolder(source=source)
    card = read_card(hub.find("README.md"))
    shards = hub.tables(card)
    for shard in shards:
        if isinstance(shard, Reject):
            yield shard
        else:
            yield from _table_clips(hub, work, shard)
    if not shards:
        yield from _audio_folder(hub, card)


def _table_clips(hub: HubFolder, work: Path, shard: TableShard) -> Listing:
    for row in _table_rows(hub, shard.path, shard.class_names):
        clip = row if isinstance(row, Reject) else _row_clip(hub, work, shard, row)
        if isinstance(clip, Listed) and shard.named:
            clip = replace(clip, extra={**clip.extra, "split": shard.named})
        yield clip


def _table_rows(hub: HubFolder, path: str, class_names: ClassNames) -> Iterator[_Row | Reject]:
    """The rows of a table; where it is damaged, one reject stands for the rest."""
    number = 0
    try:
        table = open_table(hub.source / path, class_names)
        _check_table(table)
        for number, row in enumerate(table.rows(), start=1):
            place = f"{path}:{number}"
            if isinstance(row, str):
                detail = f"{place} was left out: {row}"
                yield Reject(key=place, source=path, reason=Reason.ROW, detail=detail)
                continue
            values = _with_class_names(row, table)
            sound = _struct(values.pop(table.sound_column, None))
            yield _Row(number, place, values, sound)
    except DamagedTable as error:
        place = f"{path}:{number + 1}"
        detail = f"{place} and all rows after it were left out: {error}"
        yield Reject(key=place, source=path, reason=Reason.DAMAGED, detail=detail)


def _check_table(table: TableFile) -> None:
    if not table.sound_column:
        check_columns(table.path, table.columns)
    elif not can_describe(table.columns):
        raise InputError(
            f"{table.path} has the columns {', '.join(table.columns)[:500]} and none of captions: "
            "rename the one that holds them to caption"
        )


def _row_clip(hub: HubFolder, work: Path, shard: TableShard, row: _Row) -> Listed | Reject:
    name = row.sound.get("path")
    if not row.sound.get("bytes"):
        values = {**row.values, "file_name": name} if name else row.values
        return _file_clip(hub, (row.place, values), hub.source, shard)
    key = clip_key(shard.path.rsplit(".", 1)[0], row.number)
    try:
        told = describe(row.values)
    except RowFault as fault:
        detail = f"{row.place} was left out: {fault}"
        return Reject(key=row.place, source=shard.path, reason=fault.reason, detail=detail)
    modified_ns = (hub.source / shard.path).stat().st_mtime_ns
    file = _write_sound(work, key, row.sound["bytes"], modified_ns)
    clip = listed_clip(
        _named(told, name), file=file, source=row.place, split=shard.split, license=shard.license
    )
    return replace(clip, key=key)


def _struct(value: object) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {"bytes": value}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _with_class_names(row: dict[str, Any], table: TableFile) -> dict[str, object]:
    values: dict[str, object] = dict(row)
    for column, names in table.class_names.items():
        if column in values:
            values[column] = _class_name(values[column], names)
    return values


def _class_name(value: object, names: tuple[str, ...]) -> object:
    """A class by its number, or each of a list; -1 is what test sets have instead of the answer."""
    if isinstance(value, list):
        each = cast("list[object]", value)
        return [name for one in each if (name := _class_name(one, names)) is not None]
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    return value


def _named(told: Description, name: object) -> Description:
    """With the name that a sound's file had."""
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        return told
    return replace(told, extra={**told.extra, "path": name})


def _write_sound(work: Path, key: str, sound: bytes, modified_ns: int) -> Path:
    """The file of a sound out of a table; one that an earlier run wrote whole is left.

    It has the table's time, so that a run that is done again finds the same file.
    """
    mpeg = sound[:3] == b"ID3" or (sound[0] == 0xFF and sound[1:2] >= b"\xe0")
    file = work / f"{key}{_KINDS.get(sound[:4], '.mp3' if mpeg else '.bin')}"
    try:
        if file.is_file():
            state = file.stat()
            if (state.st_size, state.st_mtime_ns) == (len(sound), modified_ns):
                return file
        # Nothing reads it before it has its time, and without it is written again.
        file.write_bytes(sound)
        os.utime(file, ns=(modified_ns, modified_ns))
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror or error}") from error
    return file


def _audio_folder(hub: HubFolder, card: DatasetCard) -> Listing:
    lists = sorted(path for name in METADATA for path in hub.files(name))
    for path in lists:
        file = hub.find(path)
        if file is None:
            raise InputError(f"{hub.source / path} is a link that leads out of the data set")
        is_table = file.suffix == ".parquet"
        for row in _metadata_rows(hub, path) if is_table else list_rows(file, hub.source):
            yield row if isinstance(row, Reject) else _file_clip(hub, row, file.parent, card)
    if not lists:
        yield from _class_folders(hub, card)


def _metadata_rows(hub: HubFolder, path: str) -> Iterator[Place | Reject]:
    for row in _table_rows(hub, path, {}):
        yield row if isinstance(row, Reject) else (row.place, row.values)


def _file_clip(
    hub: HubFolder, row: Place, folder: Path, terms: TableShard | DatasetCard
) -> Listed | Reject:
    """The clip of a row that names a file."""
    place, values = row
    named = next((name for name in values if name.endswith("_file_name")), "")
    if named and "file_name" not in values:
        values = {**values, "file_name": values[named]}
    own = terms.split if isinstance(terms, TableShard) else ""
    return listed_file(
        place,
        values,
        folder=folder,
        source=hub.source,
        root=hub.root,
        split_of=lambda path: own or hub.splits.find(path)[0] or "train",
        license=terms.license,
    )


def _class_folders(hub: HubFolder, card: DatasetCard) -> Listing:
    count = 0
    for path in sound_files(hub.source, _SUFFIXES, root=hub.root):
        count += 1
        yield path if isinstance(path, Reject) else _class_clip(hub, card, path)
    if not count:
        tars = hub.files("*.tar")
        hint = f"; {tars[0]} is a WebDataset: unpack it and prepare it as a folder" if tars else ""
        raise InputError(f"{hub.source} holds no sounds and no tables, expected {LAYOUT}{hint}")


def _class_clip(hub: HubFolder, card: DatasetCard, path: str) -> Listed | Reject:
    split, below = hub.splits.find(path)
    label = below.parent.name
    if not any(letter.isalpha() for letter in label):
        detail = f"{path} has no caption: no metadata lists it, and its folder names no class"
        return Reject(key=path, source=path, reason=Reason.CAPTION, detail=detail)
    return listed_clip(
        Description(captions=(as_words(label),), labels=(label,)),
        file=hub.source / path,
        source=path,
        split=split or "train",
        license=card.license,
    )


HUGGINGFACE = DataSet(
    name="huggingface",
    title="A Hugging Face data set on disk",
    about="Any set in AudioFolder layout, in Parquet files, or saved by save_to_disk.",
    homepage="https://huggingface.co/datasets",
    license="unknown",
    layout=LAYOUT,
    read=read,
)
