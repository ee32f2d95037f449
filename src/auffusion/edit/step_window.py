"""During which steps of a walk an edit of attention holds, for all words or word by word."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from auffusion.errors import InputError
from auffusion.text import TextEncoder, Word, spans_of, word_rows

StepBound = float | int
"""A step, counted from 0, when it is a whole number; a share of all steps, 0.0 to 1.0, if not."""

StepWindow = StepBound | tuple[StepBound, StepBound]
"""From a bound on up to another, which is outside; one alone is the end, and 0 the beginning."""

WordWindows = StepWindow | Mapping[Word, StepWindow] | Mapping[str, StepWindow]
"""One window for all words, or one for each word, those not named having that of "default_"."""

DEFAULT = "default_"
"""The entry of `WordWindows` for all words that it does not name; without it, all steps."""


@dataclass(frozen=True)
class Window:
    """A window whose bounds make sense.

    Raises:
        InputError: they do not.
    """

    first: StepBound
    """The first step within."""
    end: StepBound
    """The first step behind."""

    def __post_init__(self) -> None:
        for bound in (self.first, self.end):
            share = isinstance(bound, float)
            if isinstance(bound, bool) or not math.isfinite(bound) or bound < 0:
                raise InputError(f"{bound!r} is no bound of a step window: {_EXPECTED}")
            if share and bound > 1:
                raise InputError(f"a step window cannot reach to {bound} of the steps: {_EXPECTED}")
        if isinstance(self.first, float) == isinstance(self.end, float) and self.first > self.end:
            raise InputError(f"a step window from {self.first} to {self.end} ends before it begins")

    @classmethod
    def of(cls, window: StepWindow) -> "Window":
        """The window as users write it."""
        if isinstance(window, tuple):
            return cls(*window)
        return cls(0, window)

    def steps(self, count: int, most: int) -> range:
        """The steps within, shares being those of `count`, rounded down.

        Raises:
            InputError: a bound above `most`.
        """
        bounds = [int(b * count) if isinstance(b, float) else b for b in (self.first, self.end)]
        if max(bounds) > most:
            raise InputError(
                f"a step window of {self.first} to {self.end} reaches beyond the {most} steps of "
                "this walk: give shares, as in 0.8, or smaller numbers"
            )
        return range(*bounds)


_EXPECTED = "give steps as whole numbers from 0, or shares of all steps from 0.0 to 1.0"


class WordSteps:
    """In which steps each row of each prompt is edited.

    Args:
        text: the model's text stage.
        prompts: whose rows.
        windows: for all words or word by word.

    Raises:
        InputError: a word that stands in none of the prompts, or a window without sense.
    """

    def __init__(self, text: TextEncoder, prompts: Sequence[str], windows: WordWindows) -> None:
        by_word = dict(windows) if isinstance(windows, Mapping) else {DEFAULT: windows}
        self._default = Window.of(by_word.pop(DEFAULT, 1.0))
        self._shape = (len(prompts), sum(branch.max_length for branch in text.branches))
        self._words: list[tuple[Window, Bool[Tensor, "prompt token"]]] = []
        for word, window in by_word.items():
            holding = [i for i, prompt in enumerate(prompts) if spans_of(prompt, word)]
            if not holding:
                raise InputError(f"a step window was given for {word!r}, which no prompt contains")
            rows = torch.zeros(self._shape, dtype=torch.bool)
            for i in holding:
                rows[i] = word_rows(text, prompts[i], word)
            self._words.append((Window.of(window), rows))

    def table(self, steps: int) -> Bool[Tensor, "step prompt token"]:
        """For a walk of so many steps, whether each row is edited in each of them.

        It has one row more, for PNDM makes one prediction more, and shares are of that number:
        [int(first · (N + 1)), int(end · (N + 1))), as in the published code.
        """
        rows = steps + 1
        table = torch.zeros(rows, *self._shape, dtype=torch.bool)
        within = self._default.steps(rows, rows)
        table[within.start : within.stop] = True
        for window, columns in self._words:
            within = window.steps(rows, rows)
            inside = torch.zeros(rows, dtype=torch.bool)
            inside[within.start : within.stop] = True
            table = torch.where(columns, inside[:, None, None], table)
        return table
