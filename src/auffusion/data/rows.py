"""A row of anybody's list: the file, the captions and the rest, by the names that people use.

Tango's lists have `dataset`, `location` and `captions`
(https://github.com/declare-lab/tango/blob/master/data/valid_audiocaps.json), AudioFolder's have
`file_name` (https://huggingface.co/docs/datasets/audio_dataset), Clotho's `caption_1` to
`caption_5` (https://zenodo.org/records/4783391), NeMo's `audio_filepath` and `text`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auffusion.data.description import (
    CAPTION_COLUMNS,
    FILE_COLUMNS,
    LABEL_COLUMNS,
    Description,
    RowFault,
    as_text,
    by_plain_name,
    can_describe,
    describe,
    first_filled,
    plain_name,
)
from auffusion.data.folders import inside
from auffusion.data.listing import Listed, Reason, Reject, clip_key
from auffusion.data.tables import csv_rows, json_rows
from auffusion.errors import InputError

Place = tuple[str, Mapping[str, object]]
"""(place of a row such as `train/metadata.csv:12`, its values by column)."""


def list_rows(path: Path, source: Path) -> Iterator[Place | Reject]:
    """The rows of a list, CSV by its ending or else one JSON object a line.

    Args:
        path: the list.
        source: the data set's folder, from which places are told.

    Raises:
        InputError: no such file, or one without columns of files and of captions.
    """
    is_csv = path.suffix.lower() == ".csv"
    parent = path.parent.relative_to(source).as_posix()
    above = "" if parent == "." else f"{parent}/"
    for row in csv_rows(path, ()) if is_csv else json_rows(path):
        if isinstance(row, Reject):
            yield replace(row, key=above + row.key)
            continue
        place, values = row
        if is_csv:
            check_columns(path, tuple(values))
        yield above + place, values


def check_columns(path: Path, names: Sequence[str]) -> None:
    """Raise `InputError` where a list's columns name no files or hold no captions."""
    if not any(plain_name(name) in FILE_COLUMNS for name in names):
        raise _no_column(path, names, FILE_COLUMNS)
    if not can_describe(names):
        raise _no_column(path, names, CAPTION_COLUMNS + LABEL_COLUMNS)


def _no_column(path: Path, names: Sequence[str], expected: Sequence[str]) -> InputError:
    return InputError(
        f"{path} has the columns {', '.join(names)[:500]}, expected one of {', '.join(expected)}"
    )


def listed_file(
    place: str,
    values: Mapping[str, object],
    *,
    folder: Path,
    source: Path,
    root: Path,
    split_of: Callable[[str], str],
    license: str = "unknown",
) -> Listed | Reject:
    """The clip of a row that names a sound file.

    Args:
        place: of the row, such as `metadata.csv:12`.
        values: by column.
        folder: what the name is relative to.
        source: the data set's folder.
        root: what links may not leave.
        split_of: the split of a file by its path, where the row names none.
        license: of the set, where the row names none.
    """
    named = ""
    try:
        named = as_text(first_filled(by_plain_name(values), FILE_COLUMNS))
        file = _file(folder, named, root)
        told = describe(values)
    except RowFault as fault:
        detail = f"{place} was left out: {fault}"
        return Reject(key=place, source=named[:200], reason=fault.reason, detail=detail)
    path = file.relative_to(source).as_posix()
    return listed_clip(told, file=file, source=path, split=split_of(path), license=license)


def listed_clip(told: Description, *, file: Path, source: str, split: str, license: str) -> Listed:
    """A clip of a whole file or, where the row cuts it, of a part."""
    part = () if not told.start_s and told.seconds is None else (told.start_s, told.seconds)
    return Listed(
        key=clip_key(source, *part),
        file=file,
        source=source,
        captions=told.captions,
        split=told.split or split,
        labels=told.labels,
        start_s=told.start_s,
        seconds=told.seconds,
        origin=told.origin,
        license=told.license or license,
        license_url=told.license_url,
        author=told.author,
        extra=told.extra,
    )


def _file(folder: Path, name: str, root: Path) -> Path:
    if not name:
        raise RowFault(Reason.ROW, "it names no file")
    file = inside(folder, name, root=root)
    if file is None:
        raise RowFault(Reason.PATH, f"{name[:200]!r} is no relative path in the data set's folder")
    if not file.is_file():
        raise RowFault(Reason.MISSING, f"{name} is not there")
    return file
