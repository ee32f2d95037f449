"""Which texts are captions."""

import unicodedata
from collections.abc import Iterable

LONGEST_CAPTION = 2_000
"""Letters; the longest of the published sets has a few hundred."""


def caption_of(text: object) -> str:
    r"""A text as one line without space at its ends; empty where it is no caption.

    That is: no text, nothing but space, longer than a description of sound is, or with letters
    that are control characters or half of a letter.

    >>> caption_of(" Rain\n falls "), caption_of("\0rain"), caption_of(None)
    ('Rain falls', '', '')
    """
    if not isinstance(text, str):
        return ""
    line = " ".join(text.split())
    if len(line) > LONGEST_CAPTION or any(
        unicodedata.category(letter) in {"Cc", "Cs"} for letter in line
    ):
        return ""
    return line


def captions_of(texts: Iterable[object]) -> tuple[str, ...]:
    """The captions among texts, in order."""
    return tuple(line for text in texts if (line := caption_of(text)))
