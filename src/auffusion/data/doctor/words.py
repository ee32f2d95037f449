"""The words of captions and of file names, so that one can be found in the other."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]{3,}")
_ENDINGS = ("ings", "ing", "ers", "er", "ies", "es", "ed", "s", "y", "e")
_EMPTY = frozenset({"and", "are", "for", "from", "into", "its", "the", "then", "while", "with"})
_MOST = 64  # words of a row; a caption of ten thousand letters says no more by the rest


def words_in(texts: Iterable[str]) -> frozenset[str]:
    """The stems of the words of some texts, in small letters.

    >>> sorted(words_in(["A dog is barking", "DogBarks_02"]))
    ['bark', 'dog']
    """
    found = (word for text in texts for word in _WORD.findall(_CAMEL.sub(" ", text[:2_000])))
    stems: dict[str, None] = {}
    for word in found:
        if len(stems) == _MOST:
            break
        if (small := word.lower()) not in _EMPTY:
            stems[_stem(small)] = None
    return frozenset(stems)


def words_of_name(name: str, labels: Iterable[str]) -> frozenset[str]:
    """The words of a file's name, of its folder's and of its labels.

    >>> sorted(words_of_name("sounds/birds/crow_caw-3.wav", ["animal"]))
    ['animal', 'bird', 'caw', 'crow']
    """
    path = PurePosixPath(name.replace("\\", "/"))
    return words_in([path.stem, path.parent.name, *labels])


def _stem(word: str) -> str:
    # Crude, and the same on both sides: `barking`, `barks` and `bark` meet.
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
