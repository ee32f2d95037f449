"""What an executor and its work promise each other.

Units are independent of each other, of their order and of who runs them, and idempotent: a unit
writes its output beside the place and renames it, and is done when that output is there and
matches its recorded hash. So a run that was killed anywhere is simply started again, on the same
executor or another, and ends with the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class Status(StrEnum):
    """How a unit ended."""

    DONE = "done"
    """It ran and its output is there."""
    SKIPPED = "skipped"
    """Its output was there already."""
    REJECTED = "rejected"
    """Its input was at fault: it raised `InputError`."""
    FAILED = "failed"
    """It raised anything else, or its process died more often than it may."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A piece of work: plain data, no open files and no models."""

    id: str
    """Names it, and its output."""
    payload: Any
    """Inputs, parameters, seed."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a unit."""

    id: str
    """The unit's."""
    status: Status
    """How it ended."""
    reason: str = ""
    """One sentence where it was rejected or failed."""
    facts: Mapping[str, Any] = field(default_factory=lambda: {})
    """Small plain data about the result: counts, seconds."""


Worker = Callable[[Unit], Outcome]
"""Does units one after the other; it may hold a loaded model, a decoder, a cache."""

MakeWorker = Callable[[], Worker]
"""Makes a worker, once in each process. It is sent there: a module's function or a dataclass."""


@runtime_checkable
class Executor(Protocol):
    """Runs units, here or elsewhere."""

    def map(self, make_worker: MakeWorker, units: Iterable[Unit]) -> Iterator[Outcome]:
        """The outcome of every unit, in any order.

        Units are drawn from the iterable only as fast as they are done, so that a million of them
        need not be in memory. When the iterator is closed, its processes end.
        """
        ...
