"""A table from its recipe: needs, sounds, scores; each step goes on where it was stopped."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from auffusion.errors import InputError
from auffusion.evaluate.evaluating import Means
from auffusion.evaluate.result import Result
from auffusion.evaluate.scoring import Certainty
from auffusion.executor.outputs import locked, sweep
from auffusion.files import make_folder
from auffusion.recipes.tables.items import Item
from auffusion.recipes.tables.measuring import Measuring
from auffusion.recipes.tables.needs import Equipment, Need, weights_needs
from auffusion.recipes.tables.recipe import TableRecipe
from auffusion.recipes.tables.systems import Job, OnSound, System

_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Who is told how a run goes on."""

    on_sound: OnSound = lambda _, __: None
    """Of each file, and whether it had to be made."""
    on_system: Callable[[str, int], object] = lambda _, __: None
    """Of each system as it begins, by its title, and how many sounds it is to make."""
    on_measure: Callable[[str, str], object] = lambda _, __: None
    """Of each system as it is measured: its title and the list's."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All scores of a table."""

    items: Mapping[str, Sequence[Item]]
    """Of each list."""
    results: Mapping[str, Mapping[str, Result]]
    """By list and system."""


def table_needs(recipe: TableRecipe, equipment: Equipment) -> Iterator[Need]:
    """What a table cannot do without, each thing once, what is here and what is not."""
    told: set[Need] = set()
    for need in _needs(recipe, equipment):
        if need not in told:
            told.add(need)
            yield need


def _needs(recipe: TableRecipe, equipment: Equipment) -> Iterator[Need]:
    for one in recipe.caption_lists.values():
        yield from one.needs()
    for row in _present(recipe).values():
        yield from row.needs(equipment)
    yield from weights_needs(iter(recipe.measured.extractors), equipment)


def gpu_hours(recipe: TableRecipe) -> float:
    """An estimate of the time of an accelerator for all sounds; 0 where there is none."""
    clips = sum(one.expected or 0 for one in recipe.caption_lists.values())
    if recipe.cost is None:
        return 0.0
    a_step = recipe.cost.seconds_a_step
    seconds = sum(row.gpu_seconds(recipe.sampling, a_step) for row in _present(recipe).values())
    return seconds * clips / _HOUR


def left_out(recipe: TableRecipe) -> dict[str, str]:
    """Systems that have no row this time, and why."""
    return {row.title: row.left_out for row in recipe.rows.values() if row.left_out}


def run_table(
    recipe: TableRecipe,
    output: Path,
    equipment: Equipment,
    means: Means,
    watch: Watch | None = None,
) -> Measured:
    """Make all sounds of a table and measure them.

    Sounds go to `OUTPUT/sounds/LIST/SYSTEM`, where tables that have systems in common find them;
    results to `OUTPUT/RECIPE/LIST/SYSTEM.json`. Several processes may make different systems.

    Args:
        recipe: the table.
        output: a folder, new or begun.
        equipment: what it is made with.
        means: what is measured with.
        watch: who is told how it goes on.

    Raises:
        InputError: something is missing, refused, or cannot be written.
    """
    lacking = [need for need in table_needs(recipe, equipment) if need.missing]
    if lacking:
        raise InputError(f"{len(lacking)} things are missing, {lacking[0].what} first")
    watch = watch or Watch()
    make_folder(output)
    items = {name: one.items() for name, one in recipe.caption_lists.items()}
    place = _Place(output=output, recipe=recipe, items=items)
    place.write_recordings()
    for name, row in _present(recipe).items():
        watch.on_system(row.title, sum(map(len, items.values())))
        with place.own(name):
            row.make(place.jobs(name, watch.on_sound), equipment)
    return Measured(items=items, results=place.measure(means, watch))


def _present(recipe: TableRecipe) -> dict[str, System]:
    return {name: row for name, row in recipe.rows.items() if not row.left_out}


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The folder of a run."""

    output: Path
    recipe: TableRecipe
    items: Mapping[str, Sequence[Item]]

    def sounds(self, of: str, system: str) -> Path:
        return self.output / "sounds" / of / system

    def recordings(self, of: str) -> Path:
        return self.output / "recordings" / of

    def write_recordings(self) -> None:
        for of, one in self.recipe.caption_lists.items():
            make_folder(self.recordings(of))
            one.write_recordings(self.recordings(of))

    @contextmanager
    def own(self, name: str) -> Generator[None]:
        """Be the only process that makes the sounds of a system."""
        with ExitStack() as locks:
            for of in self.items:
                folder = self.sounds(of, name)
                make_folder(folder)
                locks.enter_context(locked(folder))
                sweep(folder)
            yield

    def jobs(self, name: str, on_sound: OnSound) -> list[Job]:
        """The sounds of a system, list by list."""
        before = list(takewhile(lambda other: other != name, _present(self.recipe)))
        return [
            Job(
                items=items,
                folder=self.sounds(of, name),
                recordings=self.recordings(of),
                sampling=self.recipe.sampling,
                others={other: self.sounds(of, other) for other in before},
                on_sound=on_sound,
            )
            for of, items in self.items.items()
        ]

    def measure(self, means: Means, watch: Watch) -> dict[str, dict[str, Result]]:
        """Scores by list and system."""
        recipe = self.recipe
        certainty = Certainty(replicates=recipe.draws, level=recipe.level, seed=recipe.seed)
        how = Measuring(protocol=recipe.measured, certainty=certainty, means=means)
        found: dict[str, dict[str, Result]] = {}
        for of, items in self.items.items():
            found[of] = {}
            for name, row in _present(recipe).items():
                watch.on_measure(row.title, recipe.caption_lists[of].title)
                measurement = how.result(
                    self.sounds(of, name),
                    self.recordings(of),
                    items,
                    controls=recipe.controls,
                )
                path = self.output / recipe.name / of / f"{name}.json"
                found[of][name] = measurement.at(path, row.title)
        return found
