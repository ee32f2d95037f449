"""The life of a worker process."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from auffusion.errors import InputError
from auffusion.executor.attempt import StartError, attempt, failure, make, refusal
from auffusion.executor.contract import Outcome, Worker

# <linux/prctl.h>; https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
_PR_SET_PDEATHSIG = 1


def serve(pipe: Connection) -> None:
    """Make a worker, then do the units that come, until the pipe ends.

    Hears the maker, then an identifier and a unit, again and again. Says None when the worker is
    made, or a `Refusal`; then an outcome for each unit.
    """
    _ignore_interrupts()
    _die_with_parent()
    # The pipe ends with the work, or with the parent.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        worker = _make_worker(pipe)
        while worker is not None:
            _say(pipe, _next_outcome(pipe, worker))


def _ignore_interrupts() -> None:
    # Ctrl-C goes to the whole terminal; only the parent answers. It started us with the signal
    # blocked, so that none came before this line.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _die_with_parent() -> None:
    """Where Linux can, die at once when the parent dies; elsewhere the pipe's end is the sign."""
    # It is in truth the thread that started us whose end is meant: a map is to be iterated in a
    # thread that lives as long as it does.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        parent = parent_process()
        if parent is not None and os.getppid() != parent.pid:  # it died before that line
            os._exit(1)


def _make_worker(pipe: Connection) -> Worker | None:
    def receive_and_make() -> Worker:
        # In one step: a maker that cannot be imported here is a maker that fails.
        return pipe.recv()()

    try:
        worker = make(receive_and_make)
    except (InputError, StartError) as error:
        pipe.send(refusal(error))
        return None
    pipe.send(None)
    return worker


def _next_outcome(pipe: Connection, worker: Worker) -> Outcome:
    unit_id = pipe.recv()
    try:
        unit = pipe.recv()
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - a unit whose class cannot be imported here
        return failure(unit_id, error)
    return attempt(worker, unit)


def _say(pipe: Connection, outcome: Outcome) -> None:
    try:
        pipe.send(outcome)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - facts that cannot be sent
        pipe.send(failure(outcome.id, error))
