"""Steps whose loss or gradient was not finite: they are left out, counted and told."""

import sys
from collections.abc import Sequence

from auffusion.errors import InputError


class BadSteps:
    """How many there were.

    Args:
        most: so many in a row end the run.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.in_a_row = self.in_all = 0

    def count(self, step: int, clips: Sequence[str], *, finite: bool) -> None:
        """Count a step and say what was in it.

        Args:
            step: number of the step.
            clips: that may be at fault; a process that has none says nothing.
            finite: whether it was a good one.

        Raises:
            InputError: too many in a row.
        """
        self.in_a_row = 0 if finite else self.in_a_row + 1
        if finite:
            return
        self.in_all += 1
        if clips:
            sys.stderr.write(
                f"step {step + 1} was left out, {self.in_all} in all: its loss or gradient is not "
                f"finite; its clips: {', '.join(clips)}\n"
            )
        if self.in_a_row >= self._most:
            raise InputError(
                f"{self.in_a_row} steps in a row were not finite: look at the clips named, or "
                "begin another folder with a lower loop.learning_rate; the last good checkpoint is "
                "untouched"
            )
