"""The rows of all lists, seen once and in order: checked, remembered, dealt out in blocks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from auffusion.data.doctor.against import ListedId, OtherSet
from auffusion.data.doctor.examination import Job
from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.manifest import Manifest, Row
from auffusion.data.doctor.row_faults import row_faults
from auffusion.data.doctor.shift import ShiftDetector, ShiftedRun
from auffusion.data.doctor.store import Key, Store
from auffusion.data.doctor.words import words_in, words_of_name
from auffusion.data.folders import inside
from auffusion.data.listing import Reject
from auffusion.executor.contract import Unit


class Intake:
    """Takes in a data set and those it is held against.

    Args:
        store: where all is remembered.
        manifest: of the data set.
        others: what it is held against.
    """

    def __init__(self, store: Store, manifest: Manifest, others: Sequence[OtherSet]) -> None:
        self._store = store
        self._manifest = manifest
        self._others = others
        self._shift = ShiftDetector()
        self._shifted: list[ShiftedRun] = []
        self.count = 0
        """Rows seen so far, of all sets."""

    def units(self) -> Iterator[Unit]:
        """Blocks of sounds to examine, drawn as they are needed.

        Raises:
            InputError: a list cannot be read.
        """
        block: list[Job] = []
        size = self._store.checks.block
        for number, job in enumerate(self._jobs()):
            block.append(job)
            if len(block) == size:
                yield Unit(id=f"rows-{number // size:06d}", payload=tuple(block))
                block = []
        if block:
            yield Unit(id="rows-last", payload=tuple(block))

    def _jobs(self) -> Iterator[Job]:
        for row in self._manifest.rows():
            yield from self._own(row)
            self.count += 1
        self._tell_shifts()
        for part, other in enumerate(self._others, start=1):
            for entry in other.entries():
                yield from self._foreign(entry, part, other)
                self.count += 1

    def _own(self, row: Row | Reject) -> Iterator[Job]:
        number, store = self.count, self._store
        if isinstance(row, Reject):
            fault = row.detail.removeprefix(f"{row.key} was left out: ")
            store.add_unreadable(number, row.key, fault)
            self._shifted.extend(self._shift.add(frozenset(), frozenset()))
            return
        store.add_row(number, 0, row)
        file = inside(self._manifest.root, row.path)
        for fault, detail in row_faults(row, file):
            store.find(number, fault, detail)
        caption, name = words_in(row.captions), words_of_name(row.name, row.labels)
        self._shifted.extend(self._shift.add(caption, name))
        if file is not None:
            yield _job(number, row, file)

    def _foreign(self, entry: Row | ListedId, part: int, other: OtherSet) -> Iterator[Job]:
        number, store = self.count, self._store
        if isinstance(entry, Row):
            store.add_row(number, part, entry)
            file = inside(other.root, entry.path)
            if file is not None:
                yield _job(number, entry, file)
            return
        store.add_listed(number, part, entry.place)
        if entry.id:
            store.add_key(Key.ID, entry.id, number)
        if entry.origin:
            store.add_key(Key.ORIGIN, entry.origin, number)

    def _tell_shifts(self) -> None:
        self._shifted.extend(self._shift.end())
        for run in sorted(self._shifted, key=lambda run: (-run.votes, run.first, run.shift)):
            rows = "row" if abs(run.shift) == 1 else "rows"
            where = f"{abs(run.shift)} {rows} {'further on' if run.shift > 0 else 'back'}"
            detail = (
                f"its captions fit the name {where}, as in {run.votes} of the "
                f"{run.last - run.first + 1} rows around it"
            )
            for number in range(run.first, run.last + 1):
                self._store.find(number, Fault.CAPTIONS_SHIFTED, detail)


def _job(number: int, row: Row, file: Path) -> Job:
    return Job(
        number=number,
        path=row.path,
        file=file.absolute(),
        offset=row.offset,
        size=row.size,
        seconds=row.seconds,
        sha256=row.sha256,
    )
