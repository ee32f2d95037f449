"""One unit, one worker, and how whatever happens is told.

All executors go through here, so that a unit ends the same way wherever it runs.
"""

from dataclasses import dataclass
from traceback import extract_tb, format_exception
from typing import NoReturn

from auffusion.errors import InputError
from auffusion.executor.contract import MakeWorker, Outcome, Status, Unit, Worker


class StartError(RuntimeError):
    """No worker could be made: a bug, or a machine without what the worker needs."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a worker could not be made, as plain data: not every exception survives a pipe."""

    sentence: str
    """What the exception said."""
    bad_input: bool
    """Whether it was an `InputError`."""
    traceback: str
    """Where it was raised."""

    def throw(self) -> NoReturn:
        """Raise it here.

        Raises:
            InputError: it was one.
            StartError: it was anything else; the traceback is a note.
        """
        if self.bad_input:
            raise InputError(self.sentence)
        error = StartError(self.sentence)
        error.add_note(self.traceback)
        raise error


def make(make_worker: MakeWorker) -> Worker:
    """The worker.

    Raises:
        InputError: the maker said so.
        StartError: the maker raised anything else, which is the cause.
    """
    try:
        return make_worker()
    except InputError:
        raise
    except Exception as error:
        raise StartError(f"a worker could not be made: {_told(error)}") from error


def refusal(error: InputError | StartError) -> Refusal:
    """The exception as plain data."""
    return Refusal(
        sentence=str(error),
        bad_input=isinstance(error, InputError),
        traceback="".join(format_exception(error)),
    )


def attempt(worker: Worker, unit: Unit) -> Outcome:
    """What becomes of a unit; nothing it raises gets out, save what ends the process."""
    try:
        return worker(unit)
    except InputError as error:
        return Outcome(id=unit.id, status=Status.REJECTED, reason=str(error))
    except Exception as error:  # noqa: BLE001 - it becomes the outcome, with type and place
        return failure(unit.id, error)


def failure(unit_id: str, error: Exception) -> Outcome:
    """The outcome of a unit that raised."""
    return Outcome(id=unit_id, status=Status.FAILED, reason=_told(error))


def _told(error: Exception) -> str:
    """Type, message and place in one line."""
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if frames := extract_tb(error.__traceback__):
        last = frames[-1]
        told += f" ({last.filename}, line {last.lineno}, in {last.name}: {last.line})"
    return " ".join(told.split())
