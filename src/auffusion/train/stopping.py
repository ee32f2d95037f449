"""Leaving a run when asked to: the step is finished, a checkpoint written, and a status given."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

STOPPED = 75
"""Exit status of a run that was asked to stop and can go on (EX_TEMPFAIL of sysexits.h)."""

_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")


class Stop:
    """Whether somebody asked."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hear a signal; the second one ends the process at once."""
        if self.requested:
            os._exit(128 + number)
        self.requested = True
        name = signal.Signals(number).name
        sys.stderr.write(f"{name}: the step is finished and saved; once more leaves at once\n")


@contextmanager
def stopping() -> Generator[Stop]:
    """Hear SIGTERM, SIGINT and SIGUSR1 until the end of the block."""
    stop = Stop()
    # Windows has no SIGUSR1.
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
