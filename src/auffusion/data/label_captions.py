"""Captions for data sets that have only labels, from the table in `label_captions.toml`.

A label of ESC-50, UrbanSound8K, Musical Instruments and GTZAN has captions of its own, written by
hand. A label of FSD50K and VGGSound has a phrase, written by hand too, which the set's rules make
captions of: `a dog barking`, `the sound of a dog barking`.

Where a clip has several labels (FSD50K), those that another one implies are left out, the rest is
put in order, the most specific first, and up to four phrases are joined: `Bark, Dog, Animal, Wind`
is `a dog barking and the wind blowing`.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from auffusion.errors import InputError

TABLE = Path(__file__).with_suffix(".toml")
"""The captions, one table a data set."""

_MOST_JOINED = 4


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The labels of one data set."""

    captions: Mapping[str, Sequence[str]] = field(default_factory=lambda: {})
    """Whole captions of a label."""
    phrases: Mapping[str, str] = field(default_factory=lambda: {})
    """What is heard, for the rules."""
    rules: Sequence[str] = ()
    """Templates with `{phrase}`."""
    parents: Mapping[str, Sequence[str]] = field(default_factory=lambda: {})
    """The labels that each label implies at once."""


def captions_of(dataset: str, label: str) -> tuple[str, ...]:
    """The captions of a label, the main one first.

    >>> captions_of("esc50", "dog")
    ('a dog barking', 'the sound of a dog barking')

    Raises:
        InputError: the data set has no such label, or no table.
    """
    vocabulary = _vocabulary(dataset)
    if label in vocabulary.captions:
        return tuple(vocabulary.captions[label])
    if label in vocabulary.phrases:
        return _by_rules(vocabulary, vocabulary.phrases[label])
    raise InputError(
        f"{dataset} has no label {label!r}: expected one of the {len(labels_of(dataset))} in "
        f"{TABLE.name}"
    )


def joint_captions(dataset: str, labels: Iterable[str]) -> tuple[str, ...]:
    """The captions of a clip in which all these labels are heard, the main one first.

    >>> joint_captions("fsd50k", ["Wind", "Animal", "Dog", "Bark"])
    ('a dog barking and the wind blowing', 'the sound of a dog barking and the wind blowing')

    Raises:
        InputError: as `captions_of`; or there is no label.
    """
    first = most_specific(dataset, labels)[:_MOST_JOINED]
    if not first:
        raise InputError(f"a clip of {dataset} has no label, expected one or more")
    if len(first) == 1:
        return captions_of(dataset, first[0])
    phrases = list(dict.fromkeys(captions_of(dataset, label)[0] for label in first))
    return _by_rules(_vocabulary(dataset), _enumeration(phrases))


def most_specific(dataset: str, labels: Iterable[str]) -> tuple[str, ...]:
    """The labels that no other one implies, the deepest first, else in the order given.

    >>> most_specific("fsd50k", ["Dog", "Rain", "Bark"])
    ('Bark', 'Rain')
    """
    unique = tuple(dict.fromkeys(labels))
    above = {label: _above(dataset, label) for label in unique}
    implied = frozenset[str]().union(*above.values())
    kept = (label for label in unique if label not in implied)
    return tuple(sorted(kept, key=lambda label: -len(above[label])))


def labels_of(dataset: str) -> tuple[str, ...]:
    """Every label of a data set.

    Raises:
        InputError: no table has this name.
    """
    vocabulary = _vocabulary(dataset)
    return (*vocabulary.captions, *vocabulary.phrases)


def _enumeration(phrases: Sequence[str]) -> str:
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last


def _by_rules(vocabulary: Vocabulary, phrase: str) -> tuple[str, ...]:
    return tuple(rule.format(phrase=phrase) for rule in vocabulary.rules or ("{phrase}",))


def _above(dataset: str, label: str) -> frozenset[str]:
    """All that a label implies."""
    parents = _vocabulary(dataset).parents.get(label, ())
    return frozenset(parents).union(*(_above(dataset, parent) for parent in parents))


def _vocabulary(dataset: str) -> Vocabulary:
    tables = _tables()
    if dataset not in tables:
        raise InputError(
            f"there are no captions for labels of {dataset!r}: choose of {', '.join(tables)}"
        )
    return tables[dataset]


@cache
def _tables() -> dict[str, Vocabulary]:
    with TABLE.open("rb") as file:
        return {name: Vocabulary(**table) for name, table in tomllib.load(file).items()}
