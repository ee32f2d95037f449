"""What each row of an embedding stands for: a token of the prompt, or nothing.

The context that a U-Net attends to is made of branches, one behind the other, each with a fixed
number of rows: a mark of the beginning where the tokenizer has one, the prompt's tokens, a mark of
the end, and rows for nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from auffusion.text.encoder import TextEncoder, tokenise


@dataclass(frozen=True, kw_only=True)
class BranchRows:
    """The rows of one prompt in one text branch."""

    first: int
    """Where the branch begins in the whole context."""
    count: int
    """Its rows."""
    tokens: tuple[int, ...]
    """The token of each row from the first on; the rows behind them stand for nothing."""
    spans: tuple[tuple[int, int], ...]
    """The characters of the prompt that each token spells: first and end; (0, 0) for marks."""
    special: tuple[bool, ...]
    """Which tokens are marks."""

    word_ends: tuple[int, ...]
    """Where each word of the prompt ends; words are what single spaces separate."""

    @property
    def marks(self) -> list[int]:
        """Rows of beginning and end, counted in the branch."""
        return [row for row, special in enumerate(self.special) if special]

    def by_word(self) -> list[list[int]]:
        """For each word of the prompt its rows; what spells the space before it belongs to it."""
        rows: list[list[int]] = [[] for _ in self.word_ends]
        for row, ((first, _), special) in enumerate(zip(self.spans, self.special, strict=True)):
            if not special:
                rows[min(bisect_right(self.word_ends, first), len(rows) - 1)].append(row)
        return rows

    def covering(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """Rows of the tokens that spell any character of these spans, counted in the branch."""
        return covering(self.spans, spans)


def prompt_rows(text: TextEncoder, prompt: str) -> tuple[BranchRows, ...]:
    """The rows of a prompt, branch by branch, as `TextEncoder.encode` fills them."""
    found: list[BranchRows] = []
    first = 0
    for branch in text.branches:
        tokens, _ = tokenise(branch, prompt, padded=text.convention == "stable-diffusion")
        used = slice(min(sum(tokens["attention_mask"]), branch.max_length))
        found.append(
            BranchRows(
                first=first,
                count=branch.max_length,
                tokens=tuple(tokens["input_ids"][used]),
                spans=tuple(tokens["offset_mapping"][used]),
                word_ends=tuple(end for _, end in word_spans(prompt)),
                special=tuple(map(bool, tokens["special_tokens_mask"][used])),
            )
        )
        first += branch.max_length
    return tuple(found)


def word_spans(prompt: str) -> list[tuple[int, int]]:
    """First character and end of every word; words are what single spaces separate.

    >>> word_spans("a big dog")
    [(0, 1), (2, 5), (6, 9)]
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for word in prompt.split(" "):
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return spans


def covering(tokens: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Which tokens, given by the characters they spell, spell any character of the spans.

    >>> covering([(0, 0), (0, 1), (1, 5), (5, 9)], [(2, 5)])
    [2]
    """
    return [
        position
        for position, (first, end) in enumerate(tokens)
        # A token may begin with the space before its word, so that overlap decides.
        if any(first < stop and start < end for start, stop in spans)
    ]
