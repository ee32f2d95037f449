"""A row of anybody's list: the file, the captions and the rest, by the names that people use.

Tango's lists have `dataset`, `location` and `captions`
(https://github.com/declare-lab/tango/blob/master/data/valid_audiocaps.json), AudioFolder's have
`file_name` (https://huggingface.co/docs/datasets/audio_dataset), Clotho's `caption_1` to
`caption_5` (https://zenodo.org/records/4783391), NeMo's `audio_filepath` and `text`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from auffusion.data.description import (
    FILE_COLUMNS,
    Description,
    RowFault,
    as_text,
    by_plain_name,
    describe,
    first_filled,
    plain_name,
)
from auffusion.data.folders import inside
from auffusion.data.listing import Listed, Reason, Reject, clip_key


def can_name_file(names: Sequence[str]) -> bool:
    """Whether one of the columns names a sound file."""
    return any(plain_name(name) in FILE_COLUMNS for name in names)


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
