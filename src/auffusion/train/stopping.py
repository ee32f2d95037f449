"""Leaving a run when asked to: the step is finished, a checkpoint written, and a status given."""

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

STOPPED = 75
"""Exit status of a run that was asked to stop and can go on (EX_TEMPFAIL of sysexits.h)."""

_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")
# Where a cluster signals all processes of a job, torchrun passes its own signal on besides.
_PATIENCE_S = 5.0


class Stop:
    """Whether somebody asked.

    Args:
        patience: seconds in which further signals are taken for the first one.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self.requested = False
        self._patience = patience
        self._first_at = 0.0

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hear a signal; the second one ends the process at once."""
        if not self.requested:
            self.requested, self._first_at = True, time.monotonic()
            _say(signal.Signals(number).name)
            if not self._patience:
                _deafen()
        elif time.monotonic() - self._first_at >= self._patience:
            _deafen()
            os.kill(os.getpid(), number)


@contextmanager
def stopping() -> Generator[Stop]:
    """Hear SIGTERM, SIGINT and SIGUSR1 until the end of the block.

    Only the main thread of a process can; elsewhere nobody asks.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    stop = Stop(_PATIENCE_S if several else 0.0)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop) for number in _numbers()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            # None is a handler that Python did not set and cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _numbers() -> list[signal.Signals]:
    # Windows has no SIGUSR1.
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


def _deafen() -> None:
    # The system ends the process then, wherever it is; a handler of ours would have to wait for
    # the operator that computes.
    for number in _numbers():
        signal.signal(number, signal.SIG_DFL)


def _say(name: str) -> None:
    text = f"{name}: the step is finished and saved; once more leaves at once\n"
    # sys.stderr cannot be entered again by a handler that interrupts a line being written.
    with suppress(OSError):
        os.write(2, text.encode())
