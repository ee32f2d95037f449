"""The check of a data set: every row looked at alone, then all against each other."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from auffusion.data.doctor.against import OtherSet
from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.examination import Examined, MakeExaminer
from auffusion.data.doctor.intake import Intake
from auffusion.data.doctor.manifest import Manifest
from auffusion.data.doctor.relations import compare_rows
from auffusion.data.doctor.report import Report
from auffusion.data.doctor.store import Store, full_disk
from auffusion.data.doctor.summary import summarise
from auffusion.errors import InputError
from auffusion.executor.contract import Executor, Status


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a check is."""

    rows: int
    """Rows read so far, of all sets."""
    examined: int
    """Sounds opened so far."""


def check(
    source: Path,
    executor: Executor,
    checks: Checks | None = None,
    *,
    on_block: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Look for all that can be wrong with a data set; nothing of it is changed.

    Args:
        source: a prepared folder, or a manifest in JSON lines or CSV of sounds beside it.
        executor: who opens the sounds.
        checks: what is looked at.
        on_block: told of every block of sounds that was examined.

    Returns:
        What was found; to be closed, or used in a `with`.

    Raises:
        InputError: the list cannot be read or is empty, the same of one it is held against, or the
            disk is full.
    """
    checks = checks or Checks()
    manifest = Manifest(source)
    for path in checks.against:
        if path.absolute() == source.absolute():
            raise InputError(f"{path} is the data set itself: it shares all its sounds with it")
    others = [OtherSet(path) for path in checks.against]
    store = Store(checks)
    try:
        _look(Intake(store, manifest, others), store, executor, on_block)
        compare_rows(store)
        return summarise(store, manifest, others)
    except sqlite3.Error as error:
        store.close()
        raise full_disk(error) from error
    except BaseException:
        store.close()
        raise


def _look(
    intake: Intake, store: Store, executor: Executor, on_block: Callable[[Progress], None]
) -> None:
    if not store.checks.sounds:
        for _ in intake.units():
            on_block(Progress(rows=intake.count, examined=0))
        return
    done = 0
    for outcome in executor.map(MakeExaminer(checks=store.checks), intake.units()):
        if outcome.status is not Status.DONE:
            raise InputError(f"the sounds of {outcome.id} could not be examined: {outcome.reason}")
        examined: tuple[Examined, ...] = outcome.facts["examined"]
        for one in examined:
            store.add_examined(one)
        done += len(examined)
        on_block(Progress(rows=intake.count, examined=done))
