"""Protocols: every choice that makes a score comparable, in one file, under one name.

A protocol is a TOML file of `protocols/`, or one of your own: `about`, `sources` and `lacks` in
words, then a `[[score]]` table for each score with its name, title, kind and the choices of that
kind (`auffusion.evaluate.measures`). A score's name says what it was measured with: there is no
score called "FAD", because there are at least three.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from auffusion.config import from_table, read_toml
from auffusion.errors import InputError
from auffusion.evaluate.caption_measures import Clap, Recall
from auffusion.evaluate.measure import Measure, Needs
from auffusion.evaluate.measures import (
    Divergence,
    Diversity,
    FadInfinity,
    Frechet,
    Inception,
    Kernel,
)
from auffusion.evaluate.spectral_measures import Spectral

KINDS: dict[str, type[Measure]] = {
    "frechet": Frechet,
    "kernel": Kernel,
    "divergence": Divergence,
    "inception": Inception,
    "clap": Clap,
    "recall": Recall,
    "diversity": Diversity,
    "fad-infinity": FadInfinity,
    "spectral": Spectral,
}
"""What a score's `kind` may be."""

_BARE = frozenset({"fd", "fad", "kl", "kld", "is", "isc", "kad", "clap", "lsd"})
_OWN = ("name", "title", "better", "kind")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What a score is called."""

    name: str
    """In files and options; says what it is measured with."""
    title: str
    """In tables."""
    better: Literal["lower", "higher"]
    """Which way is better."""

    def __post_init__(self) -> None:
        if self.name.lower() in _BARE:
            raise InputError(
                f"a score called '{self.name}' does not say what it is measured with: name the "
                "network too, as in fd_cnn14"
            )


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score of a protocol."""

    heading: Heading
    """What it is called."""
    measure: Measure
    """How it is computed."""

    @property
    def name(self) -> str:
        """In files and options."""
        return self.heading.name


@dataclass(frozen=True, kw_only=True)
class NamedProtocol:
    """All that is computed, and how."""

    name: str
    """Of its file."""
    about: str
    """What it is for."""
    sources: tuple[str, ...]
    """Where its choices come from."""
    lacks: str
    """What the suite it follows has besides; empty where it is complete."""
    scores: tuple[Score, ...]
    """In the order of tables."""
    sha256: str
    """Of its file: two results of one protocol have the same."""

    def __post_init__(self) -> None:
        names = [score.name for score in self.scores]
        doubled = [name for name in names if names.count(name) > 1]
        if not names or doubled:
            fault = f"has the score '{doubled[0]}' twice" if doubled else "has no scores"
            raise InputError(f"the protocol {self.name} {fault}")

    @property
    def extractors(self) -> tuple[str, ...]:
        """Names of the networks that are needed, each once."""
        used = (score.measure.extractor for score in self.scores)
        return tuple(dict.fromkeys(name for name in used if name))

    @property
    def needs(self) -> frozenset[Needs]:
        """What its scores cannot do without."""
        return frozenset[Needs]().union(*(score.measure.needs for score in self.scores))

    def only(self, names: Sequence[str]) -> "NamedProtocol":
        """The same with these scores alone; none named means all.

        Raises:
            InputError: it has no such score.
        """
        known = {score.name: score for score in self.scores}
        for name in names:
            if name not in known:
                raise InputError(
                    f"the protocol {self.name} has no score '{name}': choose of {', '.join(known)}"
                )
        chosen = tuple(s for s in self.scores if not names or s.name in names)
        return replace(self, scores=chosen)


def protocol_names() -> tuple[str, ...]:
    """Names of the protocols that come with the package.

    >>> "auffusion-2024" in protocol_names()
    True
    """
    entries = (entry.name for entry in files("auffusion.evaluate").joinpath("protocols").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml")))


def read_protocol(name: str | Path) -> NamedProtocol:
    """A protocol by its name, or by its file.

    Raises:
        InputError: there is none, or its file has a name, kind or choice that is not known.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return _parsed(path.stem, path, read_toml(path))
    if str(name) not in protocol_names():
        raise InputError(
            f"there is no protocol '{name}': choose one of {', '.join(protocol_names())}, or name "
            "a .toml file"
        )
    shipped = Path(str(files("auffusion.evaluate").joinpath("protocols", f"{name}.toml")))
    return _parsed(str(name), shipped, read_toml(shipped))


@dataclass(frozen=True, kw_only=True)
class _Words:
    about: str
    sources: tuple[str, ...]
    lacks: str = ""


def _parsed(name: str, path: Path, content: dict[str, Any]) -> NamedProtocol:
    tables = content.pop("score", [])
    if not isinstance(tables, list):
        raise InputError(f"{path} has no [[score]] tables")
    words = from_table(_Words, content, str(path))
    listed = cast("list[Any]", tables)
    return NamedProtocol(
        name=name,
        scores=tuple(_score(table, f"{path}: score {k + 1}") for k, table in enumerate(listed)),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        **vars(words),
    )


def _score(table: Any, place: str) -> Score:  # noqa: ANN401
    if not isinstance(table, dict):
        raise InputError(f"{place} is no table")
    values = cast("Mapping[str, Any]", table)
    kind = KINDS.get(values.get("kind", ""))
    if kind is None:
        raise InputError(
            f"{place} has the kind {values.get('kind')!r}: expected one of {', '.join(KINDS)}"
        )
    heading = {key: values[key] for key in _OWN[:-1] if key in values}
    choices = {key: value for key, value in values.items() if key not in _OWN}
    return Score(
        heading=from_table(Heading, heading, place), measure=from_table(kind, choices, place)
    )
