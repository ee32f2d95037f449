"""A user's own folder of sounds, with captions in a list, beside the sounds, or in their names.

The first of these that the folder has counts:

1. a list in the folder: `metadata.csv` or `metadata.jsonl`; else lists named after splits
   (`train.csv`, `val.jsonl`, `test_audiocaps.json`); else the only `.csv` or `.jsonl`. Their
   columns are those of `auffusion.data.description`: Tango's {"dataset", "location", "captions"}
   (https://github.com/declare-lab/tango, "Training") and {"audio", "prompt"} among them. Where the
   folder has none, `metadata.csv` or `metadata.jsonl` in folders named after splits. Paths are
   relative to the list's own folder; a `.json` list has one object a line, as Tango's have. A file
   listed again as the same part is a repeated clip: several captions of one file stand in one row,
   as a list or as `caption_1`, `caption_2`.
2. `x.txt` (a caption a line) or `x.json` (an object with the same names as a list's columns)
   beside `x.wav`; a sound without one is a reject then.
3. names: of the folder that a sound is in where that is a class, else of its file, without
   underscores and take numbers: `rain_on_roof_03.wav` is "rain on roof". A folder called `sounds`
   or the like is no class.

Splits are the lists' `split` column, else the list's name, else folders named `train`,
`validation`/`val`/`dev` or `test` (`auffusion.data.splits`), else `train`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from auffusion.data.description import Description, RowFault, can_describe, describe
from auffusion.data.folders import SOUND_SUFFIXES, UNREAD_SUFFIXES, inside, sound_files
from auffusion.data.listing import DataSet, Listed, Listing, Reason, Reject
from auffusion.data.rows import list_rows, listed_clip, listed_file
from auffusion.data.splits import SplitFolders, split_in_name, split_of_word
from auffusion.data.tables import LONGEST_LINE, json_object
from auffusion.errors import InputError

LAYOUT = (
    "sounds, and captions in metadata.csv or metadata.jsonl (columns file_name and caption), in "
    "x.txt or x.json beside x.wav, or in the names of folders or files"
)

_LIST_SUFFIXES = frozenset({".csv", ".jsonl", ".json"})
# What is no WAV, FLAC, OGG or MP3 is listed as well: its reject then says to convert it.
_SUFFIXES = SOUND_SUFFIXES | UNREAD_SUFFIXES
_NO_CLASS = frozenset(
    {"audio", "audios", "clips", "data", "files", "flac", "mp3", "ogg", "recordings", "samples"}
    | {"sfx", "sound", "sounds", "wav", "wavs"}
)
_NUMBER = re.compile(r"(?:take|tk|v|ver|version|no|nr|copy)?\d+[a-z]?", re.IGNORECASE)
_TAKE_WORDS = frozenset({"take", "tk", "ver", "version", "no", "nr", "copy"})
_BREAKS = re.compile(r"[\s_.,+#()\[\]{}-]+")


@dataclass(frozen=True, kw_only=True)
class _List:
    """A list of sounds."""

    path: Path
    """Its file."""
    split: str = ""
    """That of its rows, where its name tells."""


def read(source: Path, work: Path) -> Listing:  # noqa: ARG001
    """The clips of a folder."""
    if not source.is_dir():
        raise InputError(f"{source} is no folder, expected one that holds {LAYOUT}")
    lists = _lists(source)
    splits = SplitFolders(source)
    for one in lists:
        yield from _listed(source, one, splits)
    if not lists:
        yield from _sounds(source, splits)


def caption_of_name(name: str) -> str:
    """A name without underscores, take numbers at its end and track numbers at its beginning.

    >>> caption_of_name("dog_bark_take_02"), caption_of_name("01 - Rain on Tin-Roof (3)")
    ('dog bark', 'Rain on Tin Roof')
    >>> caption_of_name("3 dogs"), caption_of_name("0017"), caption_of_name("808 kick v2")
    ('3 dogs', '', '808 kick')
    """
    words = _BREAKS.sub(" ", name).split()
    while words and (_NUMBER.fullmatch(words[-1]) or words[-1].lower() in _TAKE_WORDS):
        words.pop()
    while words and words[0].isdecimal() and words[0][0] == "0":
        words.pop(0)
    return " ".join(words)


def _lists(source: Path) -> list[_List]:
    own = [path for path in sorted(source.iterdir()) if _is_list(path)]
    metadata = [path for path in own if path.stem.lower() == "metadata"]
    if not metadata:
        named = [_List(path=path, split=split_in_name(path.stem)) for path in own]
        parted = [one for one in named if one.split]
        if parted:
            return parted
        metadata = [path for path in own if path.suffix.lower() != ".json"]
    if len(metadata) > 1:
        names = ", ".join(path.name for path in metadata)
        raise InputError(f"{source} holds several lists ({names}): leave the one to be read there")
    if metadata:
        return [_List(path=metadata[0])]
    return [
        _List(path=path, split=split_of_word(path.parent.name))
        for path in sorted(source.glob("*/metadata.*"))
        if split_of_word(path.parent.name) and _is_list(path)
    ]


def _is_list(path: Path) -> bool:
    if path.suffix.lower() not in _LIST_SUFFIXES or path.name.startswith("."):
        return False
    # `train.json` may describe the sound of a train.
    return path.is_file() and not any(path.with_suffix(suffix).exists() for suffix in _SUFFIXES)


def _listed(source: Path, one: _List, splits: SplitFolders) -> Listing:
    if inside(source, one.path.relative_to(source).as_posix()) is None:
        raise InputError(f"{one.path} is a link that leads out of {source}: put the list there")
    for row in list_rows(one.path, source):
        if isinstance(row, Reject):
            yield row
            continue
        yield listed_file(
            *row,
            folder=one.path.parent,
            source=source,
            root=source,
            split_of=lambda path: one.split or splits.find(path)[0] or "train",
        )


def _sounds(source: Path, splits: SplitFolders) -> Listing:
    found = any(True for _ in sound_files(source, _SUFFIXES))
    if not found:
        raise InputError(f"{source} holds no sounds and no list of them, expected {LAYOUT}")
    described = any(_beside(source, path) for path in _paths(source))
    for path in sound_files(source, _SUFFIXES):
        yield path if isinstance(path, Reject) else _clip(source, path, splits, described)


def _paths(source: Path) -> Iterator[str]:
    return (path for path in sound_files(source, _SUFFIXES) if isinstance(path, str))


def _clip(source: Path, path: str, splits: SplitFolders, described: bool) -> Listed | Reject:
    split, below = splits.find(path)
    try:
        told = _told_beside(source, path) if described else _told_by_name(below)
    except RowFault as fault:
        detail = f"{path} was left out: {fault}"
        return Reject(key=path, source=path, reason=fault.reason, detail=detail)
    return listed_clip(
        told, file=source / path, source=path, split=split or "train", license="unknown"
    )


def _beside(source: Path, path: str) -> list[str]:
    """The files that describe a sound."""
    own = PurePosixPath(path)
    names = [own.with_suffix(suffix).as_posix() for suffix in (".json", ".txt")]
    return [name for name in names if (source / name).exists()]


def _told_beside(source: Path, path: str) -> Description:
    files = _beside(source, path)
    if not files:
        raise RowFault(Reason.CAPTION, "there is neither a .txt nor a .json beside it")
    values: dict[str, object] = {}
    for name in files:
        text = _text(source, name)
        if name.endswith(".json"):
            values = _object(name, text)
        elif not can_describe(tuple(values)):
            values["caption"] = _decoded(name, text).splitlines()
    return describe(values)


def _text(source: Path, name: str) -> bytes:
    file = inside(source, name)
    if file is None:
        raise RowFault(Reason.PATH, f"{name} is a link that leads out of the folder")
    try:
        with file.open("rb") as opened:
            text = opened.read(LONGEST_LINE + 1)
    except OSError as error:
        raise RowFault(Reason.ROW, f"{name} cannot be read ({error.strerror})") from error
    if len(text) > LONGEST_LINE:
        raise RowFault(Reason.CAPTION, f"{name} is longer than {LONGEST_LINE} bytes")
    return text.removeprefix(b"\xef\xbb\xbf")


def _object(name: str, text: bytes) -> dict[str, object]:
    try:
        return json_object(text)
    except ValueError as error:
        raise RowFault(Reason.ROW, f"{name} cannot be read: {error}") from error


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise RowFault(Reason.CAPTION, f"{name} is not UTF-8: save it as UTF-8") from error


def _told_by_name(path: PurePosixPath) -> Description:
    folder = path.parent.name
    is_class = folder.lower() not in _NO_CLASS | {""}
    caption = caption_of_name(folder if is_class else path.stem)
    if not re.search(r"[^\W\d_]{2}", caption):
        raise RowFault(Reason.CAPTION, "neither its folder nor its name says what is heard")
    return Description(captions=(caption,), labels=(folder,) if is_class else ())


FOLDER = DataSet(
    name="folder",
    title="A folder of your own",
    about="Any sounds with captions in a list, beside the sounds, or in their names.",
    homepage="",
    license="unknown",
    layout=LAYOUT,
    read=read,
)
