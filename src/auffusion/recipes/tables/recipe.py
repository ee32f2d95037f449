"""A table as its TOML file describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from auffusion.config import from_table, read_config
from auffusion.errors import InputError
from auffusion.evaluate.protocol import NamedProtocol, read_protocol
from auffusion.recipes.tables.clip_list import ClipList
from auffusion.recipes.tables.items import CaptionList
from auffusion.recipes.tables.model_system import ModelSystem
from auffusion.recipes.tables.plain_systems import RecordingsSystem, ShuffledSystem, SilenceSystem
from auffusion.recipes.tables.rival_system import RivalSystem
from auffusion.recipes.tables.round_trip_system import RoundTripSystem
from auffusion.recipes.tables.scene_list import SceneList
from auffusion.recipes.tables.systems import Sampling, System

LISTS: dict[str, type[CaptionList]] = {"clips": ClipList, "scenes": SceneList}
"""What a list's `kind` may be."""

SYSTEMS: dict[str, type[System]] = {
    "model": ModelSystem,
    "baseline": RivalSystem,
    "round-trip": RoundTripSystem,
    "recordings": RecordingsSystem,
    "silence": SilenceSystem,
    "shuffled": ShuffledSystem,
}
"""What a system's `kind` may be."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Something that is varied, all else being the same."""

    of: Literal["steps", "guidance"]
    """What."""
    title: str
    """Of the axis."""
    systems: tuple[str, ...]
    """Along it, in order."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Captions by the number of sounds that they name."""

    score: str = "clap_htsat_unfused"
    """The score that is told of each group; one that every clip has."""
    corrections: Path | None = None
    """A CSV file, columns `caption` and `events`, where a person counts otherwise."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the estimate of the time is made of."""

    device: str
    """The accelerator that it is for."""
    seconds_a_step: float
    """Of one denoising step of one of the paper's models, guidance included."""


@dataclass(frozen=True, kw_only=True)
class TableRecipe:
    """A table of systems and scores."""

    name: str = ""
    """Of the folder of its results; empty is the file's."""
    title: str
    """What it shows."""
    source: str
    """Where it is printed; empty where it is ours."""
    kind: Literal["scores", "groups", "sweep"] = "scores"
    """Systems by scores; by the number of sounds of their captions; along axes, with a plot."""
    about: str = ""
    """What is to be known of it."""
    protocol: str = "auffusion-2024"
    """A name or a file."""
    scores: tuple[str, ...] = ()
    """Of the protocol's scores only these."""
    draws: int = 1000
    """For intervals; 0 makes none."""
    level: float = 0.95
    """Of the intervals."""
    seed: int = 0
    """Of draws and controls."""
    controls: bool = True
    """Whether floors and controls stand below."""
    against: str = ""
    """The system that the others are compared with; empty is the first."""
    systems: tuple[str, ...] = ()
    """Only these, in the order of the file."""
    lists: tuple[str, ...] = ()
    """Only these."""
    printed: tuple[str, ...] = ()
    """What the numbers of each `paper` are, in order."""
    spread: Mapping[str, float] = field(default_factory=lambda: {})
    """How far the paper's own runs lie apart, by score."""
    sampling: Sampling = field(default_factory=Sampling)
    """Of our models."""
    cost: Cost | None = None
    """For the estimate of the time."""
    groups: Groups = field(default_factory=Groups)
    """For `kind = "groups"`."""
    axis: tuple[Axis, ...] = ()
    """For `kind = "sweep"`."""
    list: Mapping[str, Any] = field(default_factory=lambda: {})
    """Lists of captions by name: a `kind` and its choices."""
    system: Mapping[str, Any] = field(default_factory=lambda: {})
    """Systems by name: a `kind` and its choices."""

    @cached_property
    def caption_lists(self) -> dict[str, CaptionList]:
        """The chosen lists by name.

        Raises:
            InputError: no such list or kind, or a choice that its kind does not have.
        """
        chosen = _chosen(self.list, self.lists, "list")
        return {name: _made(LISTS, table, f"list.{name}") for name, table in chosen.items()}

    @cached_property
    def rows(self) -> dict[str, System]:
        """The chosen systems by name, those that are left out among them.

        Raises:
            InputError: no such system or kind, a choice that its kind does not have, or another
                number of printed numbers than there are scores.
        """
        chosen = _chosen(self.system, self.systems, "system")
        rows = {name: _made(SYSTEMS, table, f"system.{name}") for name, table in chosen.items()}
        for name, row in rows.items():
            for place, numbers in row.paper.items():
                if len(numbers) != len(self.printed):
                    raise InputError(
                        f"system.{name}.paper.{place} has {len(numbers)} numbers and `printed` "
                        f"names {len(self.printed)}"
                    )
        return rows

    @cached_property
    def measured(self) -> NamedProtocol:
        """The protocol with the chosen scores.

        Raises:
            InputError: no such protocol or score.
        """
        return read_protocol(self.protocol).only(self.scores)


def read_table(path: Path, changes: Sequence[str] = ()) -> TableRecipe:
    """A table of a file, with changes such as `system.clap.model=FOLDER`.

    Raises:
        InputError: no such file, or what it says cannot be.
    """
    recipe = read_config(TableRecipe, path, changes)
    # Read now, so that a mistake in the last system shows before the first is made.
    for part in (recipe.caption_lists, recipe.rows, recipe.measured):
        if not part:
            raise InputError(f"{path} has nothing to make or to measure")
    if recipe.against and recipe.against not in recipe.rows:
        raise InputError(f"{path} compares with {recipe.against!r}, which is no chosen system")
    return recipe if recipe.name else replace(recipe, name=path.stem)


def _chosen(
    tables: Mapping[str, Any], names: Sequence[str], what: Literal["list", "system"]
) -> dict[str, Any]:
    for name in names:
        if name not in tables:
            raise InputError(f"there is no {what} {name!r}: choose of {', '.join(tables)}")
    return {name: one for name, one in tables.items() if not names or name in names}


def _made(kinds: Mapping[str, type[Any]], table: Any, place: str) -> Any:  # noqa: ANN401
    values = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    kind = kinds.get(values.get("kind", ""))
    if kind is None:
        raise InputError(
            f"{place} has the kind {values.get('kind')!r}: expected one of {', '.join(kinds)}"
        )
    return from_table(kind, {key: v for key, v in values.items() if key != "kind"}, place)
