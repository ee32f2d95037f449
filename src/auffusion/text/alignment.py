"""Which rows of one prompt say what which rows of another say (prompt-to-prompt, arXiv 2208.01626).

Edited attention is the source's, A0, carried over to the rows of the target, and where the source
has nothing to give the target's own, A:

    edited = (A0 M) ∘ s + A ∘ (1 - s)

- *Swap* (§3.2, "word swap"): every word of the source has one in the target. A word of as many
  tokens hands each its attention; else every token of the source gives to every token of the
  target, 1 / (tokens of the target) each. s is 1.
- *Refine* (§3.2, "adding a new phrase"): tokens that both prompts have, in the same order, hand
  over theirs; s is 0 at those that only the target has.

When the prompts' tokens differ in number, all rows behind the difference shift by it, those for
nothing too. The published code leaves them where they were, so that words read their neighbours'
maps; `legacy` does the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.text.encoder import TextEncoder
from auffusion.text.prompt_rows import BranchRows, prompt_rows

AlignmentKind = Literal["swap", "refine"]
_Moved = Float[Tensor, "source target"]
_Blocks = list[tuple[range, range]]
_Rows = list[tuple[list[int], list[int]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """How attention over a source prompt becomes attention over a target prompt."""

    moved: Float[Tensor, "source target"]
    """M: what each row of the source gives to each row of the target."""
    shared: Float[Tensor, "target"]
    """s: 1 where a row of the target takes the source's attention, 0 where it keeps its own."""


def align_prompts(
    text: TextEncoder,
    source: str,
    target: str,
    kind: AlignmentKind = "swap",
    *,
    legacy: bool = False,
) -> Alignment:
    """The alignment of two prompts, over the rows of all text encoders.

    Args:
        text: the model's text stage.
        source: the prompt whose attention is used.
        target: the prompt that uses it.
        kind: "swap" or "refine".
        legacy: leave the rows behind a difference where they were, as the published code does.

    Raises:
        InputError: prompts that cannot be swapped word for word, or words that an encoder cuts off.
    """
    branches = zip(prompt_rows(text, source), prompt_rows(text, target), strict=True)
    if kind == "refine":
        moved = _diagonal([_refined(*pair, legacy=legacy) for pair in branches])
        return Alignment(moved=moved, shared=moved.any(dim=0).float())
    words = source.split(" "), target.split(" ")
    blocks = swapped_words(*words)
    if legacy:
        blocks = [(a, b) for a, b in blocks if _said(words[0], a) != _said(words[1], b)]
    swapped = _swapped_legacy if legacy else _swapped
    moved = _diagonal([swapped(*pair, _token_rows(*pair, blocks, words)) for pair in branches])
    return Alignment(moved=moved, shared=torch.ones(moved.shape[1]))


def _diagonal(blocks: list[Tensor]) -> _Moved:
    """One matrix of all branches; none of them gives to another."""
    moved = torch.zeros(sum(map(len, blocks)), sum(map(len, blocks)))
    first = 0
    for block in blocks:
        rows = slice(first, first + len(block))
        moved[rows, rows] = block
        first += len(block)
    return moved


def swapped_words(source: Sequence[str], target: Sequence[str]) -> list[tuple[range, range]]:
    """The words, by index, that take each other's place in a swap; from end to end.

    With as many words in both, each takes the place of the one it stands under. Else the words
    that both have are matched, and between them runs of words take each other's place.

    >>> swapped_words(["a", "dog", "barking"], ["a", "machine", "gun", "barking"])[1]
    (range(1, 2), range(1, 3))

    Raises:
        InputError: words that were added or left out.
    """
    if len(source) == len(target):
        return _one_by_one(range(len(source)), range(len(target)))
    blocks: _Blocks = []
    for kind, a, b, c, d in SequenceMatcher(None, source, target, autojunk=False).get_opcodes():
        first, second = range(a, b), range(c, d)
        if not first or not second:
            raise InputError(
                "a swap exchanges words for words, and "
                f"{_said(target, second) or _said(source, first)!r} stands in one of the prompts "
                "only: use refine, or put something in its place"
            )
        blocks += _one_by_one(first, second) if kind == "equal" else [(first, second)]
    return blocks


def _one_by_one(first: range, second: range) -> _Blocks:
    return [(range(i, i + 1), range(j, j + 1)) for i, j in zip(first, second, strict=True)]


def _said(words: Sequence[str], which: range) -> str:
    return " ".join(words[which.start : which.stop])


def _token_rows(
    source: BranchRows,
    target: BranchRows,
    blocks: _Blocks,
    words: tuple[Sequence[str], Sequence[str]],
) -> _Rows:
    """The rows of each block's words in both prompts."""
    source_rows, target_rows = source.by_word(), target.by_word()
    found: _Rows = []
    for first, second in blocks:
        one = [row for i in first for row in source_rows[i]]
        other = [row for i in second for row in target_rows[i]]
        if bool(one) != bool(other):
            missing = _said(words[1], second) if one else _said(words[0], first)
            raise InputError(
                f"{missing!r} cannot be swapped, for it has no token: it is empty, or lies behind "
                f"the {source.count} tokens that the text encoder reads"
            )
        found.append((one, other))
    return found


def _swapped(source: BranchRows, target: BranchRows, rows: _Rows) -> _Moved:
    moved = torch.zeros(source.count, source.count)
    for one, other in [*rows, (source.marks, target.marks)]:
        _hand_over(moved, one, other)
    shift = len(target.tokens) - len(source.tokens)
    for row in range(len(source.tokens), source.count):
        # What would fall off the end goes to the last row: attention is moved, and none is lost.
        moved[row, min(row + shift, source.count - 1)] = 1.0
    return moved


def _hand_over(moved: _Moved, source: Sequence[int], target: Sequence[int]) -> None:
    if len(source) == len(target):
        moved[source, target] = 1.0
    else:
        moved[torch.tensor(source)[:, None], torch.tensor(target)] = 1 / len(target)


def _swapped_legacy(source: BranchRows, _target: BranchRows, rows: _Rows) -> _Moved:
    """With the rows of words that differ: shifted between them, and in place behind the last."""
    moved = torch.zeros(source.count, source.count)
    done, filled = 0, 0
    for one, other in rows:
        for step in range(one[0] - done):
            moved[done + step, filled + step] = 1.0
        _hand_over(moved, one, other)
        done, filled = one[-1] + 1, other[-1] + 1
    for step in range(source.count - max(done, filled)):
        moved[filled + step, filled + step] = 1.0
    return moved


def _refined(source: BranchRows, target: BranchRows, *, legacy: bool) -> _Moved:
    moved = torch.zeros(source.count, source.count)
    matcher = SequenceMatcher(None, source.tokens, target.tokens, autojunk=False)
    for first, second, size in matcher.get_matching_blocks():
        for step in range(size):
            moved[first + step, second + step] = 1.0
    shift = 0 if legacy else len(target.tokens) - len(source.tokens)
    for row in range(len(target.tokens), target.count):
        moved[min(row - shift, source.count - 1), row] = 1.0
    return moved
