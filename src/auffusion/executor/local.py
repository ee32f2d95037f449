"""Units in processes of this machine."""

import os
import signal
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import wait

from auffusion.errors import InputError
from auffusion.executor.attempt import Refusal
from auffusion.executor.child import serve
from auffusion.executor.contract import MakeWorker, Outcome, Unit
from auffusion.executor.crew import Crew, HandLostError

_PARTING_S = 10.0
"""How long a process without work may take to end before it is killed."""


def usable_cores() -> int:
    """Cores this process may use; a container or `taskset` may leave it fewer than there are."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Runs units in worker processes, so that one which dies costs its unit a try and no more.

    The processes are spawned: a script that maps does so under `if __name__ == "__main__":`. They
    end with this process, however it ends.
    """

    workers: int | None = None
    """Processes; all usable cores when None."""
    retries: int = 2
    """How often a unit whose process died is tried again."""

    def __post_init__(self) -> None:
        check_counts(workers=self.workers, retries=self.retries)

    def map(self, make_worker: MakeWorker, units: Iterable[Unit]) -> Generator[Outcome]:
        """The outcome of every unit, in any order; at most `workers` are drawn ahead.

        Closing the iterator ends the processes at once. Iterate in one thread.

        Raises:
            InputError: a worker's maker said so.
            StartError: a worker's maker raised anything else, or processes die as they start.
        """
        crew = Crew(
            hire=lambda: _Process(make_worker),
            wait=_wait,
            size=self.workers or usable_cores(),
            retries=self.retries,
        )
        return crew.work(units)


def check_counts(*, workers: int | None, retries: int) -> None:
    """Refuse numbers that mean nothing.

    Raises:
        InputError: fewer than one worker, or negative retries.
    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers do no work: choose 1 or more")
    if retries < 0:
        raise InputError(f"{retries} retries cannot be: choose 0 or more")


class _Process:
    """A spawned process with a worker in it."""

    def __init__(self, make_worker: MakeWorker) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        try:
            with _interrupts_held():
                self.process.start()
            theirs.close()
            self._send(make_worker)
        except BaseException:
            self.kill()
            raise

    def take(self) -> Outcome | Refusal | None:
        # What it said before it died still counts.
        with suppress(EOFError, OSError):
            if self.pipe.poll():
                return self.pipe.recv()
        raise HandLostError(self._end_told())

    def give(self, unit: Unit) -> bool:
        return self._send(unit.id, unit)

    def dismiss(self) -> None:
        self.pipe.close()
        self.process.join(_PARTING_S)
        self.kill()

    def kill(self) -> None:
        self.pipe.close()
        if self.process.pid is not None:
            self.process.kill()
            self.process.join()
        self.process.close()

    def _send(self, *things: object) -> bool:
        # That it died is heard from `take`, which also knows how.
        with suppress(BrokenPipeError, ConnectionResetError):
            for thing in things:
                self.pipe.send(thing)
            return True
        return False

    def _end_told(self) -> str:
        self.process.join(_PARTING_S)
        code = self.process.exitcode
        if code is None:
            return "stopped answering"
        if code == -signal.SIGKILL:
            return "was killed by SIGKILL, as happens for lack of memory"
        if code < 0:
            names = {one.value: one.name for one in signal.Signals}  # real-time ones have none
            return f"was killed by {names.get(-code, f'signal {-code}')}"
        return f"left with status {code}"


def _wait(hands: Sequence[_Process], timeout: float | None) -> Sequence[_Process]:
    pipes = {hand.pipe: hand for hand in hands}
    ends = {hand.process.sentinel: hand for hand in hands}
    owners: dict[object, _Process] = {**pipes, **ends}
    # Both its pipe and its end may speak for one process.
    return list(dict.fromkeys(owners[one] for one in wait([*pipes, *ends], timeout)))


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Ctrl-C waits; a process started in here begins with it blocked."""
    if sys.platform == "win32":
        yield
        return
    # Starting it later, on its own, would unblock the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
