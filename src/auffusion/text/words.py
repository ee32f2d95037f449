"""Which tokens a word of the prompt became (prompt-to-prompt, arXiv 2208.01626)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.text.encoder import TextEncoder
from auffusion.text.prompt_rows import covering, prompt_rows, word_spans

Word = str | int
"""A word exactly as it stands in a prompt, every occurrence of it; or its index, from 0."""

WordWeights = Mapping[Word, float] | Mapping[str, float] | Mapping[int, float]
"""A factor for each word's attention: 1 changes nothing, below 0 turns what it does around."""


def spans_of(prompt: str, word: Word) -> list[tuple[int, int]]:
    """Where a word stands in a prompt; nowhere is an empty list."""
    spans = word_spans(prompt)
    if isinstance(word, int):
        return spans[word : word + 1] if word >= 0 else []
    return [span for span in spans if prompt[slice(*span)] == word]


def word_tokens(tokenizer: Any, prompt: str, word: Word) -> list[int]:  # noqa: ANN401
    """Positions, in the encoder's rows, of the tokens that spell a word.

    Args:
        tokenizer: a fast transformers tokenizer; its first special token, where it has one, is
            position 0.
        prompt: the whole prompt.
        word: one of its words.

    Raises:
        InputError: the prompt has no such word.
    """
    wanted = _found(prompt, word)
    offsets = tokenizer(prompt, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return covering(offsets, wanted)


def word_rows(text: TextEncoder, prompt: str, word: Word) -> Bool[Tensor, "token"]:
    """Which rows of the whole context, all encoders', stand for a word.

    Raises:
        InputError: the prompt has no such word, or it lies behind what the encoders read.
    """
    rows = span_rows(text, prompt, _found(prompt, word))
    if not rows.any():
        raise InputError(
            f"the word {word!r} of the prompt {prompt!r} has no token: it is empty or lies behind "
            "what the text encoder reads"
        )
    return rows


def span_rows(
    text: TextEncoder, prompt: str, spans: Sequence[tuple[int, int]]
) -> Bool[Tensor, "token"]:
    """Which rows of the whole context stand for any character of these spans."""
    branches = prompt_rows(text, prompt)
    rows = torch.zeros(sum(branch.count for branch in branches), dtype=torch.bool)
    for branch in branches:
        rows[[branch.first + row for row in branch.covering(spans)]] = True
    return rows


def equaliser(text: TextEncoder, prompt: str, weights: WordWeights) -> Float[Tensor, "token"]:
    """The factor of each row: ones, and the weights of words at their rows (§3.3 of the paper).

    Raises:
        InputError: the prompt has no such word, or a weight is no finite number.
    """
    factors = torch.ones(sum(branch.max_length for branch in text.branches))
    for word, weight in weights.items():
        if not math.isfinite(weight):
            raise InputError(f"the weight {weight} of {word!r} must be a finite number")
        factors[word_rows(text, prompt, word)] = weight
    return factors


def _found(prompt: str, word: Word) -> list[tuple[int, int]]:
    spans = spans_of(prompt, word)
    if not spans:
        raise InputError(
            f"the prompt {prompt!r} has no word {word!r}: words are separated by single spaces "
            "and counted from 0"
        )
    return spans
