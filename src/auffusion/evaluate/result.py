"""The result of measuring one system: scores, and all that they depend on, in one JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from auffusion.config import from_table
from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Interval
from auffusion.evaluate.condition import ConditionSummary
from auffusion.files import write_file

FORMAT = 1
"""Of the file; another number is another layout."""


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """One score."""

    name: str
    """As the protocol calls it."""
    title: str
    """In tables."""
    better: Literal["lower", "higher"]
    """Which way is better."""
    value: float
    """The score."""
    interval: Interval | None = None
    """How far it would move with other clips; None where none was asked for or can be had."""
    details: Mapping[str, float] = field(default_factory=lambda: {})
    """Further numbers that belong to it."""
    controls: Mapping[str, float] = field(default_factory=lambda: {})
    """The same score of systems whose quality is known."""
    notes: tuple[str, ...] = ()
    """Sentences on what to bear in mind."""
    values: tuple[float, ...] | None = None
    """Of each clip, where there is such a thing."""
    replicates: tuple[float, ...] | None = None
    """Of each draw."""


@dataclass(frozen=True, kw_only=True)
class SideResult:
    """The clips of one side."""

    place: str
    """Folder or list."""
    clips: int
    """How many were measured."""
    list_sha256: str
    """Of their names."""
    content_sha256: str
    """Of their samples."""
    condition: ConditionSummary
    """Their state."""
    filled: Mapping[str, int]
    """For each network, how many were too short for it and were filled up."""


@dataclass(frozen=True, kw_only=True)
class ProtocolResult:
    """The protocol that was followed."""

    name: str
    """Of its file."""
    sha256: str
    """Of its content."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A system's scores under one protocol."""

    system: str
    """What was measured."""
    protocol: ProtocolResult
    """How."""
    scores: tuple[ScoreResult, ...]
    """In the protocol's order."""
    extractors: Mapping[str, Mapping[str, Any]]
    """Of each network its front-end, preparation and the SHA-256 of its weights."""
    reference: SideResult
    """The recordings."""
    generated: SideResult
    """What was made."""
    paired: bool
    """Whether clips were matched by name."""
    missing: tuple[str, ...] = ()
    """References that were left out because nothing was generated for them."""
    extra: tuple[str, ...] = ()
    """Generated clips that were left out because they have no reference."""
    names: tuple[str, ...]
    """Of the generated clips, in the order of a score's `values`."""
    captions_sha256: str = ""
    """Of the captions; empty where none were used."""
    seed: int = 0
    """Of draws and controls."""
    versions: Mapping[str, str]
    """Of the software."""

    def score(self, name: str) -> ScoreResult | None:
        """A score by its name."""
        return next((one for one in self.scores if one.name == name), None)

    def to_json(self) -> str:
        """The file's text."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        write_file(path, self.to_json().encode("utf-8", "surrogateescape"))


def read_result(path: Path) -> Result:
    """A file that `Result.write` wrote.

    Raises:
        InputError: no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON file: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no result of auffusion evaluate")
    values = cast("dict[str, Any]", content)
    if values.pop("format", None) != FORMAT:
        raise InputError(
            f"{path} holds no result of this version of auffusion evaluate: measure again"
        )
    return from_table(Result, values, str(path))
