"""Who does which unit, and whom a death is blamed on: the same for processes and Ray actors.

A hand is one process or actor with one worker. It is hired for a unit, says when its worker is
made, is given the unit, and then the next one with each outcome. So the units drawn and not yet
told of are never more than the hands, and a hand that is lost had exactly one unit.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from auffusion.executor.attempt import Refusal, StartError
from auffusion.executor.contract import Outcome, Status, Unit

_FALSE_STARTS = 3
"""How many hands may in a row die without a unit."""


class HandLostError(Exception):
    """The hand died; the message says how."""


@runtime_checkable
class Hand(Protocol):
    """One process or actor."""

    def take(self) -> Outcome | Refusal | None:
        """What it has to say, None when its worker is made.

        Raises:
            HandLostError: it died.
        """
        ...

    def give(self, unit: Unit) -> bool:
        """Let it do a unit; False when it was dead before it had it, which `take` then tells."""
        ...

    def dismiss(self) -> None:
        """End it, which has nothing to do, in good order."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


H = TypeVar("H", bound=Hand)


@dataclass(kw_only=True)
class _Task:
    unit: Unit
    given: bool = False  # so that a death is its fault
    deaths: int = 0


@dataclass(frozen=True, kw_only=True)
class Crew(Generic[H]):
    """The hands of one map."""

    hire: Callable[[], H]
    """Starts a hand, without waiting for it."""
    wait: Callable[[Sequence[H], float | None], Sequence[H]]
    """Those who have something to say, waiting at most so many seconds or for ever (None)."""
    size: int
    """Most hands at a time."""
    retries: int
    """How often a unit whose hand died is tried again."""

    def work(self, units: Iterable[Unit]) -> Generator[Outcome]:
        """The outcome of every unit; whatever ends this early kills all hands.

        Raises:
            InputError: the worker's maker said so.
            StartError: the worker's maker raised anything else, or hands die as they start.
        """
        shift = _Shift(crew=self, units=iter(units))
        try:
            while shift.grow() or shift.busy:
                # While there may be hands to hire, only look who has spoken.
                patience = 0.0 if shift.growing else None
                for hand in self.wait(list(shift.busy), patience):
                    outcome = shift.hear(hand)
                    if outcome is not None:
                        yield outcome
        finally:
            for hand in shift.busy:
                hand.kill()


class _Shift(Generic[H]):
    """Which hand has which unit."""

    def __init__(self, *, crew: Crew[H], units: Iterator[Unit]) -> None:
        self._crew = crew
        self._units = units
        self._drawn_all = False
        self._false_starts = 0
        self.busy: dict[H, _Task] = {}

    @property
    def growing(self) -> bool:
        """Whether there is room for a hand and perhaps a unit for it."""
        return len(self.busy) < self._crew.size and not self._drawn_all

    def grow(self) -> bool:
        """Hire one hand where there is room and a unit for it."""
        unit = self._draw() if self.growing else None
        if unit is None:
            return False
        self.busy[self._crew.hire()] = _Task(unit=unit)
        return True

    def hear(self, hand: H) -> Outcome | None:
        """Take what a hand says, and give it its next unit."""
        task = self.busy[hand]
        try:
            said = hand.take()
        except HandLostError as loss:
            return self._replace(hand, task, str(loss))
        if isinstance(said, Refusal):
            said.throw()
        if isinstance(said, Outcome):
            self._false_starts = 0
            self._go_on(hand)
            return said
        task.given = hand.give(task.unit)
        return None

    def _go_on(self, hand: H) -> None:
        unit = self._draw()
        if unit is None:
            del self.busy[hand]
            hand.dismiss()
        else:
            self.busy[hand] = _Task(unit=unit, given=hand.give(unit))

    def _replace(self, hand: H, task: _Task, how: str) -> Outcome | None:
        del self.busy[hand]
        hand.kill()
        if task.given:
            task.deaths += 1
            task.given = False
        else:
            self._count_false_start(how)
        if task.deaths > self._crew.retries:
            reason = f"its process {how} (tries: {task.deaths})"
            return Outcome(id=task.unit.id, status=Status.FAILED, reason=reason)
        self.busy[self._crew.hire()] = task
        return None

    def _count_false_start(self, how: str) -> None:
        # No unit is to blame for a process that died without one; but this may not go on for ever.
        self._false_starts += 1
        if self._false_starts == _FALSE_STARTS:
            raise StartError(
                f"no worker could be made: its process {how} before it had a unit, "
                f"{self._false_starts} times and none did any work in between"
            )

    def _draw(self) -> Unit | None:
        unit = None if self._drawn_all else next(self._units, None)
        self._drawn_all = unit is None
        return unit
