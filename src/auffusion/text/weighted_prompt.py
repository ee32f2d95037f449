r"""A syntax for weights inside a prompt: ``a man (chopping:2.0) wood``.

- ``(words:number)`` weights the attention of the words; the prompt then reads without the
  parentheses and the number. Any number of them may stand in a prompt, one within another may not.
- 1 changes nothing, 0 takes the words' attention away, below 0 turns what they do around.
- ``\(`` and ``\)`` are parentheses that stand for themselves. So do all that hold no words and
  number: ``a dog (barking)``, ``(10:30)``, ``(:2)``.
"""

import math
import re
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.text.encoder import TextEncoder
from auffusion.text.words import span_rows

# A colon right behind a digit belongs to a time or a ratio.
_WEIGHT = re.compile(r"(?<!\d)\s*:\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*$", re.IGNORECASE)
# Longer than any number, so that a megabyte of parentheses is read once and not again and again.
_LONGEST_NUMBER = 40


@dataclass(frozen=True)
class WeightedPrompt:
    """A prompt as it is read, and the weights of its parts."""

    text: str
    """What the text encoders get."""
    weights: tuple[tuple[int, int, float], ...] = ()
    """First character, end and weight of each part that has one other than 1."""

    def factors(self, text: TextEncoder) -> Float[Tensor, "token"]:
        """The factor of each row of the context."""
        factors = torch.ones(sum(branch.max_length for branch in text.branches))
        for first, end, weight in self.weights:
            factors[span_rows(text, self.text, [(first, end)])] = weight
        return factors


def weighted_prompt(prompt: str) -> WeightedPrompt:
    r"""A prompt taken apart.

    >>> weighted_prompt("a man (chopping:2.0) wood")
    WeightedPrompt(text='a man chopping wood', weights=((6, 14, 2.0),))
    >>> weighted_prompt(r"a dog (barking), \(so:2\)").text
    'a dog (barking), (so:2)'

    Raises:
        InputError: a weight within another, or one that is no finite number.
    """
    if not {"(", ")"} & set(prompt):
        return WeightedPrompt(prompt)
    parser = _Parser()
    for escaped, letter in re.findall(r"\\([()])|(.)", prompt, re.DOTALL):
        parser.read(escaped or letter, escaped=bool(escaped))
    different = tuple(weight for weight in parser.weights if weight[2] != 1.0)
    return WeightedPrompt("".join(parser.letters), different)


class _Parser:
    """What was read so far."""

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.weights: list[tuple[int, int, float]] = []
        self._open: list[int] = []

    def read(self, letter: str, *, escaped: bool) -> None:
        if letter == "(" and not escaped:
            self._open.append(len(self.letters))
        if letter == ")" and not escaped and self._open and self._weigh(self._open.pop()):
            return
        self.letters.append(letter)

    def _weigh(self, first: int) -> bool:
        """Whether the parenthesis that began there ends in a number, so that its words have one."""
        tail = max(first + 1, len(self.letters) - _LONGEST_NUMBER)
        found = _WEIGHT.search("".join(self.letters[tail:]))
        words = "" if found is None else "".join(self.letters[first + 1 : tail + found.start()])
        if found is None or not words.strip():
            return False
        weight = float(found[1])
        if not math.isfinite(weight):
            raise InputError(f"the weight {found[1]} of {words.strip()!r} must be a finite number")
        if self.weights and self.weights[-1][1] > first:
            raise InputError(
                f"a weight stands within that of {words.strip()!r}: give each word one weight, or "
                r"write \( and \) for parentheses that mean themselves"
            )
        self.letters[first:] = words.strip()
        self.weights.append((first, len(self.letters), weight))
        return True
