"""What the doctor must remember of all rows at once, on disk: a million need no more memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.examination import Examined
from auffusion.data.doctor.faults import Fault, Finding, Severity
from auffusion.data.doctor.manifest import Row
from auffusion.data.listing import SPLITS
from auffusion.errors import InputError

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
PRAGMA temp_store = FILE;
CREATE TABLE rows (number INTEGER PRIMARY KEY, part INTEGER, bad INTEGER DEFAULT 0, place TEXT,
    id TEXT, path TEXT, split INTEGER, license TEXT, seconds REAL, caption TEXT);
CREATE TABLE keys (kind INTEGER, key, number INTEGER);
CREATE TABLE measures (number INTEGER PRIMARY KEY, seconds REAL, peak REAL, rms REAL);
CREATE TABLE prints (number INTEGER PRIMARY KEY, length INTEGER, shape BLOB, course BLOB);
CREATE TABLE kin (number INTEGER, kind INTEGER, other INTEGER, PRIMARY KEY (number, kind))
    WITHOUT ROWID;
CREATE TABLE findings (number INTEGER, rank INTEGER, detail TEXT, PRIMARY KEY (number, rank))
    WITHOUT ROWID;
"""
# sqlite's own cache of 16 MB leaves memory for a file that has no name, and so is never left over.

_FAULTS: tuple[Fault, ...] = tuple(Fault)
_LONGEST_CAPTION = 300


class Key(IntEnum):
    """By what rows are found to be of one sound."""

    ID = 0
    """The row's own id."""
    ORIGIN = 1
    """Where the recording was first published."""
    SOURCE = 2
    """The file it was cut from."""
    CONTENT = 3
    """Its samples."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown of a row."""

    place: str
    """Where it stands."""
    id: str
    """Its id, or empty."""
    path: str
    """Its file."""
    caption: str
    """The beginning of its first caption."""


class Store:
    """The rows of a data set and of those it is held against, and all that is found.

    Part 0 is the data set itself, higher ones are the others.
    """

    def __init__(self, checks: Checks) -> None:
        self.checks = checks
        self.db = sqlite3.connect("", isolation_level=None)
        try:
            self.db.executescript(_TABLES)
            self.db.execute("BEGIN")
        except sqlite3.Error as error:
            self.db.close()
            raise full_disk(error) from error

    def close(self) -> None:
        """Forget all."""
        with suppress(sqlite3.Error):
            self.db.close()

    def add_row(self, number: int, part: int, row: Row) -> None:
        """Remember a row."""
        caption = row.captions[0][:_LONGEST_CAPTION] if row.captions else ""
        split = SPLITS.index(row.split) if row.split else 0
        values = (number, part, 0, row.place, row.id, row.path, split)
        values = (*values, row.license or "unknown", row.seconds, caption)
        self.db.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        # Ids and file names of two sets have nothing to do with each other.
        own = ((Key.ID, row.id), (Key.SOURCE, row.source)) if part == 0 else ()
        for kind, key in ((Key.ORIGIN, row.origin), *own):
            if key:
                self.add_key(kind, key, number)

    def add_unreadable(self, number: int, place: str, detail: str) -> None:
        """Remember a row that says nothing."""
        self.db.execute(
            "INSERT INTO rows (number, part, place, id, path) VALUES (?, 0, ?, '', '')",
            (number, place),
        )
        self.find(number, Fault.ROW, detail)

    def add_listed(self, number: int, part: int, place: str) -> None:
        """Remember a line of a plain list."""
        values = (number, part, place)
        self.db.execute("INSERT INTO rows (number, part, place) VALUES (?, ?, ?)", values)

    def add_key(self, kind: Key, key: str | bytes, number: int) -> None:
        """Remember by what a row can be found."""
        self.db.execute("INSERT INTO keys VALUES (?, ?, ?)", (kind, key, number))

    def add_examined(self, examined: Examined) -> None:
        """Remember what was found of a sound."""
        number, measure = examined.number, examined.measure
        for fault, detail in examined.faults:
            self.find(number, fault, detail)
        if measure is None:
            return
        levels = (number, measure.seconds, measure.peak_db, measure.rms_db)
        self.db.execute("INSERT INTO measures VALUES (?, ?, ?, ?)", levels)
        self.add_key(Key.CONTENT, measure.content, number)
        if measure.print is not None:
            told = measure.print
            values = (number, told.length, told.shape.tobytes(), told.course.tobytes())
            self.db.execute("INSERT INTO prints VALUES (?, ?, ?, ?)", values)

    def find(self, number: int, fault: Fault, detail: str) -> None:
        """Remember a fault; the first of a kind is kept."""
        values = (number, rank_of(fault), detail)
        self.db.execute("INSERT OR IGNORE INTO findings VALUES (?, ?, ?)", values)

    def reject(self) -> None:
        """Mark the rows that have an error by now: they are compared with no others."""
        ranks = self.error_ranks()
        self.db.execute(
            "UPDATE rows SET bad = 1 WHERE part = 0 AND bad = 0 AND number IN "
            f"(SELECT number FROM findings WHERE rank IN ({ranks}))"
        )

    def error_ranks(self) -> str:
        """The numbers of the faults that reject a row, for SQL."""
        errors = (one for one in _FAULTS if self.checks.severity(one) is Severity.ERROR)
        return ", ".join(str(rank_of(one)) for one in errors)

    def findings(self, only: Fault | None = None, most: int = -1) -> Iterator[Finding]:
        """All that was found in the data set, row by row; or the first of one fault."""
        which, values = ("AND rank = ?", (rank_of(only),)) if only is not None else ("", ())
        found = self.db.execute(
            "SELECT number, place, id, path, rank, detail FROM findings JOIN rows USING (number) "
            f"WHERE part = 0 {which} ORDER BY number, rank LIMIT ?",
            (*values, most),
        )
        for number, place, name, path, rank, detail in found:
            fault = _FAULTS[int(rank)]
            yield Finding(
                number=number,
                place=place,
                id=name or path,
                fault=fault,
                severity=self.checks.severity(fault),
                detail=detail,
            )

    def shown(self, number: int) -> Shown:
        """What is shown of a row."""
        place, name, path, caption = self.one(
            "SELECT place, id, path, ifnull(caption, '') FROM rows WHERE number = ?", number
        )
        return Shown(place=place, id=name, path=path, caption=caption)

    def one(self, query: str, *values: object) -> tuple[Any, ...]:
        """The first row of an answer."""
        return next(iter(self.db.execute(query, values)), ())


def rank_of(fault: Fault) -> int:
    """The place of a fault in the order in which faults are told."""
    return _FAULTS.index(fault)


def full_disk(error: sqlite3.Error) -> InputError:
    """What a database says when its temporary file cannot grow."""
    return InputError(
        f"the temporary file of the check cannot be written ({error}): free some space where "
        f"temporary files are kept, or set TMPDIR to another disk"
    )


def in_chunks(rows: Iterable[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of an answer, so many at a time."""
    chunk: list[tuple[Any, ...]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
