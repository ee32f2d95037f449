"""Which tokens a word of the prompt became (prompt-to-prompt, arXiv 2208.01626)."""

from typing import Any

from auffusion.errors import InputError


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


def word_tokens(tokenizer: Any, prompt: str, word: str | int) -> list[int]:  # noqa: ANN401
    """Positions, in the encoder's rows, of the tokens that spell a word.

    Args:
        tokenizer: a fast transformers tokenizer; its first special token, where it has one, is
            position 0.
        prompt: the whole prompt.
        word: a word exactly as it stands in the prompt, every occurrence of it counts; or the
            index of a word, from 0.

    Raises:
        InputError: the prompt has no such word.
    """
    spans = word_spans(prompt)
    if isinstance(word, int):
        wanted = spans[word : word + 1] if word >= 0 else []
    else:
        wanted = [span for span in spans if prompt[slice(*span)] == word]
    if not wanted:
        raise InputError(
            f"the prompt {prompt!r} has no word {word!r}: words are separated by single spaces "
            "and counted from 0"
        )
    offsets = tokenizer(prompt, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return [
        position
        for position, (first, end) in enumerate(offsets)
        # A token may begin with the space before its word, so that overlap decides.
        if any(first < stop and start < end for start, stop in wanted)
    ]
