"""How many sounds a caption names: one, two, or more (paper §4.3, Table 3).

The paper sorted the captions of its test sets into three groups and does not say how. Here it is
done by rules on words, so that it can be done again, with a file of corrections where a person
knows better.

Rules
-----
A caption is cut into parts at commas and at words that join sounds: "followed by", "then", "as",
"while", "with", "and", … A part names a sound if it holds a verb that sounds (any unknown word in
-ing is taken for one) or the name of a sound. So

1. verbs that are joined count each: "a man laughs and claps" are two;
2. subjects that share a verb are one: "a man and a woman talk", "birds and insects chirp";
3. adjectives that are joined are one: "a loud and sharp bang";
4. a verb and what it is said of are one: "a series of gunshots firing";
5. without a word between them, a verb after a new article begins another sound: "a man talking a
   dog barking";
6. what sounds again is no other sound: "a man speaks, a door shuts, and the man speaks again";
7. a caption that names no sound by these rules is one sound.

The words are in `event_count.toml`.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import zip_longest
from pathlib import Path

from auffusion.config import from_table, read_toml
from auffusion.errors import InputError

_LETTERS = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|[,;.]")
_ARTICLES = frozenset({"a", "an", "the", "another", "some", "several", "multiple"})
_VOWELS = "aeiou"


class EventGroup(StrEnum):
    """The groups of Table 3."""

    SINGLE = "single"
    TWO = "two"
    MULTI = "multi"


@dataclass(frozen=True, kw_only=True)
class _Words:
    """The tables of words."""

    separators: tuple[str, ...]
    set_phrases: tuple[str, ...]
    repeated: tuple[str, ...]
    verbs: tuple[str, ...]
    irregular: tuple[str, ...]
    silent: tuple[str, ...]
    sounds: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Words between two separators."""

    words: tuple[str, ...]
    before: str
    """The separator it follows."""

    @property
    def text(self) -> str:
        return f" {' '.join(self.words)} "


def event_group(events: int) -> EventGroup:
    """The group of so many sounds.

    >>> [str(event_group(events)) for events in (1, 2, 3, 7)]
    ['single', 'two', 'multi', 'multi']
    """
    return {1: EventGroup.SINGLE, 2: EventGroup.TWO}.get(events, EventGroup.MULTI)


def count_events(caption: str) -> int:
    """How many sounds a caption names, by the rules above; at least one.

    >>> count_events("A man talking followed by plastic clacking then a power tool drilling")
    3
    >>> count_events("A man and a woman talking loudly")
    1
    """
    parts = [part for whole in _parts(caption) for part in _begun_anew(whole)]
    # Rule 6: the same words again are the same sound.
    heard = {
        tuple(word for word in part.words if word not in _ARTICLES)
        for part, following in zip_longest(parts, parts[1:])
        if _sounds(part, following)
    }
    return max(1, len(heard))


def read_corrections(path: Path) -> dict[str, int]:
    """Counts by caption, as a person corrected them: a CSV file, columns `caption` and `events`.

    Raises:
        InputError: no such file, other columns, a number below one, or a caption with two numbers.
    """
    found: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                caption, events = _corrected(row, f"line {number} of {path}")
                if found.setdefault(caption, events) != events:
                    raise InputError(f"line {number} of {path} contradicts an earlier one")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    return found


def _corrected(row: Mapping[str, str | None], place: str) -> tuple[str, int]:
    caption, events = row.get("caption"), (row.get("events") or "").strip()
    if not caption or not re.fullmatch(r"[1-9][0-9]?", events):
        raise InputError(f"{place} needs a caption and a number of events from 1 to 99")
    return caption.strip(), int(events)


@cache
def _words() -> _Words:
    path = Path(__file__).with_suffix(".toml")
    return from_table(_Words, read_toml(path), str(path))


@cache
def _verb_forms() -> frozenset[str]:
    found = {form for verb in _words().verbs for form in _forms(verb)}
    return frozenset(found | set(_words().irregular))


def _forms(verb: str) -> Iterator[str]:
    r"""The verb and its forms.

    >>> sorted(_forms("clap")), sorted(_forms("race"))
    (['clap', 'clapped', 'clapping', 'claps'], ['race', 'raced', 'races', 'racing'])
    """
    yield verb
    if verb[-1] == "y" and verb[-2] not in _VOWELS:
        yield from (f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing")
    elif verb[-1] == "e":
        yield from (f"{verb}s", f"{verb}d", f"{verb[:-1]}ing")
    else:
        doubled = re.fullmatch(r".*[^aeiou][aeiou][bdgmnprt]", verb)
        stem = verb + verb[-1] if doubled else verb
        hissing = verb.endswith(("s", "sh", "ch", "x", "z"))
        yield from (f"{verb}es" if hissing else f"{verb}s", f"{stem}ed", f"{stem}ing")


def _parts(caption: str) -> list[_Part]:
    """The parts of a caption, in order."""
    text = f" {' '.join(_LETTERS.findall(caption.lower()))} "
    for phrase in _words().set_phrases:
        text = text.replace(f" {phrase} ", " ")
    for separator in sorted(_words().separators, key=len, reverse=True):
        marked = separator.replace(" ", "_")
        text = text.replace(f" {separator} ", f" |{marked}| ")
    pieces = re.split(r"\|([^|]*)\|", text)
    befores = ["", *pieces[1::2]]
    return [
        _Part(words=tuple(piece.split()), before=before)
        for piece, before in zip(pieces[::2], befores, strict=True)
        if piece.strip()
    ]


def _begun_anew(part: _Part) -> Iterator[_Part]:
    """Rule 5: a verb, a new article, and another verb."""
    start = 0
    for place, word in enumerate(part.words):
        if word not in _ARTICLES:
            continue
        done, rest = part.words[start:place], part.words[place:]
        if any(map(_is_verb, done)) and any(map(_is_verb, rest)) and _stands_alone(rest):
            yield _Part(words=done, before=part.before if start == 0 else "")
            start = place
    yield _Part(words=part.words[start:], before=part.before if start == 0 else "")


def _stands_alone(words: Sequence[str]) -> bool:
    """Whether the verb comes behind its thing, "a dog barking", and not before: "a running tap"."""
    verb = next(place for place, word in enumerate(words) if _is_verb(word))
    return verb >= 2


def _sounds(part: _Part, following: _Part | None) -> bool:
    """Whether a part names a sound of its own."""
    if any(f" {phrase} " in part.text for phrase in _words().repeated) and part.before:
        return False
    if any(map(_is_verb, part.words)):
        return True
    if any(f" {sound} " in part.text for sound in _words().sounds):
        return True
    if not any(word in _words().things for word in part.words):
        return False
    shares = following is not None and following.before in {"and", "or", ","}
    return not (shares and following is not None and any(map(_is_verb, following.words)))


def _is_verb(word: str) -> bool:
    if word in _verb_forms():
        return True
    return word.endswith("ing") and len(word) > 4 and word not in _words().silent
