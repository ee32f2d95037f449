"""Fingerprints on disk, in the order in which they are compared."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from auffusion.data.doctor.fingerprint import BANDS, COURSE_SIZE, NEAR_LENGTH, SHAPE_SIZE, SLICES
from auffusion.data.doctor.store import Store, in_chunks

OTHER_SET = 9
"""The group of sounds of other sets; those of the data set have the number of their split."""

_CHUNK = 1024
_KEY = np.dtype("<i8")
_LEVEL = np.dtype("<f2")
_KEYS = 3
_RECORD = _KEYS * _KEY.itemsize + (SHAPE_SIZE + COURSE_SIZE) * _LEVEL.itemsize


@dataclass(frozen=True, kw_only=True)
class Prints:
    """Some fingerprints; the first axis of each array counts them."""

    numbers: NDArray[np.int64]
    """Of the rows."""
    lengths: NDArray[np.int64]
    """In samples."""
    groups: NDArray[np.int64]
    """Number of the row's split, or `OTHER_SET`."""
    shapes: NDArray[np.float32]
    """At length 1."""
    courses: NDArray[np.float32]
    """In dB."""

    def of(self, places: NDArray[np.int64]) -> "Prints":
        """Those at some places."""
        return Prints(
            numbers=self.numbers[places],
            lengths=self.lengths[places],
            groups=self.groups[places],
            shapes=self.shapes[places],
            courses=self.courses[places],
        )


class SortedPrints:
    """All fingerprints of rows that are still good, by step of 30 ms in length and by tilt.

    Args:
        store: where they are.
        file: takes them, 760 bytes each.
    """

    def __init__(self, store: Store, file: IO[bytes]) -> None:
        self._file = file
        _add_tilts(store.db)
        rows = store.db.execute(
            "SELECT number, length, CASE part WHEN 0 THEN split ELSE ? END, shape, course, cell, "
            "tilt FROM prints JOIN rows USING (number) WHERE bad = 0 ORDER BY cell, tilt, number",
            (OTHER_SET,),
        )
        cells: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
        tilts: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        with closing(rows):
            for chunk in in_chunks(rows, _CHUNK):
                file.writelines(_record(row) for row in chunk)
                cells.append(np.array([int(row[5]) for row in chunk], np.int32))
                tilts.append(np.array([float(row[6]) for row in chunk], np.float32))
        self.cells = np.concatenate(cells)
        """Step of each, in order."""
        self.tilts = np.concatenate(tilts)
        """Tilt of each, in order within a step."""

    def read(self, places: range) -> Prints:
        """Some that follow each other."""
        self._file.seek(places.start * _RECORD)
        data = self._file.read(len(places) * _RECORD)
        records = np.frombuffer(data, np.uint8).reshape(len(places), _RECORD)
        split = _KEYS * _KEY.itemsize
        keys = np.ascontiguousarray(records[:, :split]).view(_KEY).astype(np.int64)
        levels = np.ascontiguousarray(records[:, split:]).view(_LEVEL).astype(np.float32)
        shapes = levels[:, :SHAPE_SIZE]
        return Prints(
            numbers=keys[:, 0],
            lengths=keys[:, 1],
            groups=keys[:, 2],
            shapes=shapes / np.maximum(1e-9, np.linalg.norm(shapes, axis=1, keepdims=True)),
            courses=levels[:, SHAPE_SIZE:],
        )


def _record(row: tuple[Any, ...]) -> bytes:
    return np.array(row[:_KEYS], _KEY).tobytes() + row[3] + row[4]


def _add_tilts(db: sqlite3.Connection) -> None:
    """What they are sorted by; sqlite sorts on disk what memory does not hold."""
    ramp = np.tile(np.linspace(-1, 1, BANDS), SLICES)
    ramp = (ramp / np.linalg.norm(ramp)).astype(np.float32)
    db.execute("ALTER TABLE prints ADD COLUMN cell INTEGER")
    db.execute("ALTER TABLE prints ADD COLUMN tilt REAL")
    last = -1
    while rows := db.execute(
        "SELECT number, length, shape FROM prints WHERE number > ? ORDER BY number LIMIT ?",
        (last, _CHUNK),
    ).fetchall():
        shapes = np.frombuffer(b"".join(row[2] for row in rows), _LEVEL).astype(np.float32)
        tilts = shapes.reshape(len(rows), -1) @ ramp
        values = [
            (row[1] // NEAR_LENGTH, float(tilt), row[0])
            for row, tilt in zip(rows, tilts, strict=True)
        ]
        db.executemany("UPDATE prints SET cell = ?, tilt = ? WHERE number = ?", values)
        last = rows[-1][0]
