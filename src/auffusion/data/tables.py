"""Lists of clips in files, read line by line: a bad line is one reject, never the end of the run.

What arrives in practice: byte order marks, CRLF, bytes that are no UTF-8, NULs, lines of megabytes
without an end, a column short. Memory stays bounded by the longest line that is read.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast

from auffusion.data.listing import Reason, Reject
from auffusion.errors import InputError

LONGEST_LINE = 1 << 20
"""Bytes of a line; a longer one is a reject."""

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".au"})
"""How the names of sound files end."""

Row = tuple[str, dict[str, str]]
"""(place such as `esc50.csv:12`, the line's cells by column)."""


def csv_rows(
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
) -> Iterator[Row | Reject]:
    """The rows of a CSV file.

    Args:
        path: the file; a column that is not asked for may be there.
        columns: what every row must have, empty or not.
        encoding: of the file.
        header: the names of the columns, where the file does not begin with them.

    Raises:
        InputError: no such file, or one without the columns.
    """
    reader = csv.reader(_texts(path, encoding))
    names = list(header) if header is not None else _header(reader, path)
    absent = [column for column in columns if column not in names]
    if absent:
        raise InputError(
            f"{path} has no column {absent[0]!r}, its columns are {', '.join(names)}: is it the "
            "published file?"
        )
    while True:
        began = reader.line_num + 1
        place = f"{path.name}:{began}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _bad_row(place, f"it is not CSV ({error})")
            continue
        if not cells:
            continue
        fault = _fault(cells, len(names))
        if fault:
            yield _bad_row(place, fault)
        else:
            yield place, dict(zip(names, cells, strict=True))


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
    """The objects of a file of one JSON object a line; empty lines do not count.

    Raises:
        InputError: no such file.
    """
    for number, line in enumerate(_lines(path), start=1):
        place = f"{path.name}:{number}"
        if len(line) > LONGEST_LINE:
            yield _bad_row(place, f"it is longer than {LONGEST_LINE} bytes")
            continue
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as error:
            yield _bad_row(place, f"it is not JSON ({error})")
            continue
        if isinstance(value, dict):
            yield place, cast("dict[str, Any]", value)
        else:
            yield _bad_row(place, "it is no JSON object")


def sound_index(
    folder: Path, key: Callable[[PurePosixPath], str] = lambda path: path.stem
) -> dict[str, str]:
    """Where the sounds below a folder are: key of each file to its path there, with `/`.

    Links that lead out of the folder are passed over. Of two files with one key the first by path
    stands, so that the index is the same on every machine.

    Args:
        folder: the folder; one that is not there holds nothing.
        key: what a file is looked up by; its name without the ending unless said otherwise.
    """
    index: dict[str, str] = {}
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SOUND_SUFFIXES or not path.is_file():
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            continue
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        index.setdefault(key(relative), str(relative))
    return index


def inside(folder: Path, name: str) -> Path | None:
    """The file that a list names, or None where the name is no relative path below the folder.

    >>> inside(Path("set"), "../secret.wav") is None, inside(Path("set"), "http://x/a.wav") is None
    (True, True)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or "\0" in name or "://" in name or path.is_absolute() or ".." in path.parts:
        return None
    if len(path.parts[0]) == 2 and path.parts[0][1] == ":":
        return None  # a drive of Windows
    try:
        found = folder.joinpath(*path.parts)
        return found if found.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None  # a name too long, a loop of links


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        return [name.strip() for name in next(reader)]
    except (StopIteration, csv.Error) as error:
        raise InputError(f"{path} is empty or not CSV, expected a line of column names") from error


def _fault(cells: Sequence[str], expected: int) -> str:
    if any("\0" in cell for cell in cells):
        return "it holds a NUL"
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell):
        return "it is not valid text in the file's encoding"
    if len(cells) != expected:
        return f"it has {len(cells)} cells, expected {expected}"
    return ""


def _texts(path: Path, encoding: str) -> Iterator[str]:
    """The lines as text; what is no text stays visible as surrogates and fails its row later."""
    for number, line in enumerate(_lines(path), start=1):
        # A line too long becomes one that no row survives.
        whole = line if len(line) <= LONGEST_LINE else b"\0\n"
        text = whole.decode(encoding, errors="surrogateescape")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _lines(path: Path) -> Iterable[bytes]:
    """The lines; one that is too long comes as its first `LONGEST_LINE` + 1 bytes."""
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                rest = line
                while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                    rest = file.readline(LONGEST_LINE + 1)
                yield line
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot read {path}: {reason}") from error


def _bad_row(place: str, fault: str) -> Reject:
    return Reject(key=place, source="", reason=Reason.ROW, detail=f"{place} was left out: {fault}")
