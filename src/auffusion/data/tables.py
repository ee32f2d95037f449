"""Lists of clips in files, read line by line: a bad line is one reject, never the end of the run.

What arrives in practice: byte order marks, CRLF, bytes that are no UTF-8, NULs, lines of megabytes
without an end, a column short, a quote that nobody closed. Memory stays bounded by `LONGEST_LINE`,
however long the file is.
"""

import csv
import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from auffusion.data.folders import SOUND_SUFFIXES as SOUND_SUFFIXES
from auffusion.data.folders import inside as inside
from auffusion.data.folders import sound_index as sound_index
from auffusion.data.listing import Reason, Reject
from auffusion.errors import InputError

LONGEST_LINE = 1 << 20
"""Bytes of a line, and characters of a CSV row; a longer one is a reject."""

MOST_LINES = 100
"""Lines that a CSV row with line breaks in its cells may have."""

Row = tuple[str, dict[str, str]]
"""(place such as `esc50.csv:12`, the line's cells by column)."""

_UNCLOSED = "a quote that opens in it is not closed; the lines after it are read anew"


class _Line(NamedTuple):
    """A line as text, or what is wrong with it."""

    number: int
    text: str
    fault: str
    whole: bool


class _Record(NamedTuple):
    """The cells of one CSV row, or what is wrong with it."""

    number: int
    cells: list[str]
    fault: str


def csv_rows(
    path: Path,
    columns: Sequence[str],
    *,
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
) -> Iterator[Row | Reject]:
    """The rows of a CSV file with commas and doubled quotes (RFC 4180).

    A cell in quotes may hold line breaks. Where such a quote is not closed within `MOST_LINES`, or
    something but a comma follows the closing one, only the line in which it opened is a reject,
    and the next line begins a new row. One case cannot be told from a legal cell: a stray quote
    that a later line happens to close just before a comma or its end, with the columns right in
    number; the lines between are then text of that cell.

    Args:
        path: the file; a column that is not asked for may be there.
        columns: what every row must have, empty or not.
        encoding: of the file; one in which line breaks, commas and quotes are single ASCII bytes,
            as in UTF-8 and Latin-1 but not in UTF-16.
        header: the names of the columns, where the file does not begin with them.

    Raises:
        InputError: no such file, one without the columns or with two of one name, or UTF-16.
    """
    # A limit of the whole process: only ever raised, as others may need more.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST_LINE))
    records = _Records(_texts(path, encoding))
    names = list(header) if header is not None else _header(records, path, encoding)
    _check_names(names, columns, path)
    while (record := records.take()) is not None:
        place = f"{path.name}:{record.number}"
        fault = record.fault
        if not fault and len(record.cells) != len(names):
            fault = f"it has {len(record.cells)} cells, expected {len(names)}"
        if fault:
            yield _bad_row(place, fault)
        else:
            yield place, dict(zip(names, record.cells, strict=True))


def json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
    """The objects of a file of one JSON object a line; empty lines do not count.

    Raises:
        InputError: no such file, UTF-16, or a single JSON value over many lines.
    """
    for number, line in enumerate(_lines(path), start=1):
        place = f"{path.name}:{number}"
        if len(line) > LONGEST_LINE:
            yield _bad_row(place, f"it is longer than {LONGEST_LINE} bytes")
            continue
        if not line.strip():
            continue
        if number == 1 and line.strip() in {b"[", b"{"}:
            raise InputError(
                f"{path} is one JSON value over many lines, expected one object a line (JSON Lines)"
            )
        try:
            yield place, json_object(line)
        except ValueError as error:
            yield _bad_row(place, str(error))


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object whose texts can be written again.

    Raises:
        ValueError: it is none, or holds half a surrogate pair or a NUL, which are legal JSON.
    """
    try:
        value: object = json.loads(text.decode())
        if b"\\u" in text:
            told = json.dumps(value, ensure_ascii=False)
            told.encode()
            if "\\u0000" in told.replace("\\\\", ""):
                raise ValueError("a NUL")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return cast("dict[str, Any]", value)


class _Records:
    """Lines to CSV rows; a row that goes wrong costs its first line only."""

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._lines = lines
        self._again: deque[_Line] = deque()

    def take(self) -> _Record | None:
        """The next row that is not blank; None at the end."""
        while (line := self._line()) is not None:
            record = self._record(line)
            if record.fault or any(cell.strip() for cell in record.cells):
                return record
        return None

    def _line(self) -> _Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _record(self, first: _Line) -> _Record:
        if not first.whole:
            return _Record(first.number, [], first.fault)
        taken: list[_Line] = []
        try:
            cells = next(csv.reader(self._feed(first, taken), strict=True))
        except csv.Error as error:
            self._again.extendleft(reversed(taken[1:]))
            unclosed = len(taken) > 1 or "unexpected end" in str(error)
            return _Record(first.number, [], _UNCLOSED if unclosed else f"it is not CSV ({error})")
        return _Record(first.number, cells, next((one.fault for one in taken if one.fault), ""))

    def _feed(self, first: _Line, taken: list[_Line]) -> Iterator[str]:
        """The texts of the lines as the parser asks for them: as long as a quote is open."""
        line: _Line | None = first
        room = LONGEST_LINE
        while line is not None:
            room -= len(line.text)
            if not line.whole or room < 0 or len(taken) == MOST_LINES:
                self._again.appendleft(line)
                return
            taken.append(line)
            yield line.text
            line = self._line()


def _header(records: _Records, path: Path, encoding: str) -> list[str]:
    record = records.take()
    if record is None:
        raise InputError(f"{path} is empty, expected a line of column names")
    if record.fault:
        raise InputError(
            f"line {record.number} of {path} should name the columns in {encoding}, but "
            f"{record.fault}: save the file as UTF-8 CSV"
        )
    return [name.strip() for name in record.cells]


def _check_names(names: Sequence[str], columns: Sequence[str], path: Path) -> None:
    absent = [column for column in columns if column not in names]
    if absent:
        raise InputError(
            f"{path} has no column {absent[0]!r}, its columns are {', '.join(names)[:500]}: is it "
            "the published file?"
        )
    # Spreadsheets leave columns without a name behind; those are nobody's.
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{path} has two columns {twice[0]!r}: rename one of them")


def _texts(path: Path, encoding: str) -> Iterator[_Line]:
    for number, raw in enumerate(_lines(path), start=1):
        if len(raw) > LONGEST_LINE:
            yield _Line(number, "", f"it is longer than {LONGEST_LINE} bytes", False)
            continue
        try:
            text, fault = raw.decode(encoding), ""
        except UnicodeDecodeError:
            # Only its commas and quotes matter still: they tell where the row ends.
            text, fault = raw.decode("latin-1"), f"it is not valid {encoding}"
        yield _Line(number, text, "it holds a NUL" if "\0" in text else fault, True)


def _lines(path: Path) -> Iterable[bytes]:
    """The lines; one that is too long comes as its first `LONGEST_LINE` + 1 bytes."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"cannot read {path}: it is not a regular file")
        with path.open("rb") as file:
            mark = file.read(len(BOM_UTF8))
            if mark.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                raise InputError(f"{path} is UTF-16 text: save it as UTF-8")
            file.seek(len(mark) if mark == BOM_UTF8 else 0)
            while line := file.readline(LONGEST_LINE + 1):
                rest = line
                while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                    rest = file.readline(LONGEST_LINE + 1)
                yield line
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot read {path}: {reason}") from error


def _bad_row(place: str, fault: str) -> Reject:
    return Reject(key=place, source="", reason=Reason.ROW, detail=f"{place} was left out: {fault}")
