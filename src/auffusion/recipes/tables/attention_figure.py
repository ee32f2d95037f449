"""Figure 2: where each word of one prompt is attended to, a row a model (paper §4.3)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from auffusion.attention.picture import MapScale
from auffusion.baselines import find_baseline
from auffusion.config import read_config
from auffusion.errors import InputError
from auffusion.files import make_folder
from auffusion.recipes.tables.needs import Equipment, Need, model_need
from auffusion.recipes.tables.recipe import Cost
from auffusion.recipes.tables.rival_system import RivalSystem, fetch_published
from auffusion.studio.settings import Settings
from auffusion.studio.studio import Studio
from auffusion.studio.watching import WatchedModel, watch, write_all
from auffusion.studio.watching_tango import TANGOS, is_tango, watch_tango

Begin = Callable[[str, int], Callable[[], object]]
"""Told a row's title and steps as it begins; what it gives is called after each step."""


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """A row."""

    title: str
    """What it is called, and its sound's file."""
    model: str
    """"embedded", a folder, a repository of the hub, `tango` or `tango-full`."""
    how: str = ""
    """How such a folder is had."""


@dataclass(frozen=True, kw_only=True)
class FigureRecipe:
    """A figure of attention."""

    name: str = ""
    """Of the folder of its files; empty is the recipe's."""
    title: str
    """What it shows."""
    source: str
    """Where it is printed; empty where it is ours."""
    kind: Literal["attention"] = "attention"
    """What it is."""
    about: str = ""
    """What is to be known of it."""
    prompt: str
    """What all models are asked for."""
    words: tuple[str, ...] = ()
    """Of them, as they stand in the prompt; none is every word."""
    steps: int = 50
    """Denoising steps."""
    guidance: float = 7.5
    """Guidance scale."""
    scheduler: str = "pndm"
    """Sampler of our models."""
    length_s: float | None = None
    """Seconds; none is each model's window."""
    dtype: str = "float32"
    """Precision of the networks."""
    seed: int = 42
    """Of the noise."""
    scale: MapScale = "own"
    """Of the colours: `own`, each map over its own range, as in the paper; `relative` and `share`
    can be compared."""
    side: int = 256
    """Of a square, in pixels."""
    cost: Cost | None = None
    """For the estimate of the time."""
    rows: tuple[str, ...] = ()
    """Only these, in the order of the file."""
    row: Mapping[str, FigureRow] = field(default_factory=lambda: {})
    """Models by name, the first one on top."""

    @property
    def chosen(self) -> dict[str, FigureRow]:
        """The chosen rows by name.

        Raises:
            InputError: no such row, or none.
        """
        for name in self.rows:
            if name not in self.row:
                raise InputError(f"there is no row {name!r}: choose of {', '.join(self.row)}")
        found = {name: row for name, row in self.row.items() if not self.rows or name in self.rows}
        if not found:
            raise InputError("the figure has no rows")
        return found

    @property
    def settings(self) -> Settings:
        """All that decides the sounds, besides the models."""
        return Settings(
            prompt=self.prompt,
            seed=self.seed,
            steps=self.steps,
            guidance=self.guidance,
            length_s=self.length_s,
            scheduler=self.scheduler,
            dtype=self.dtype,
        )


def read_figure(path: Path, changes: Sequence[str] = ()) -> FigureRecipe:
    """A figure of a file, with changes such as `row.clap.model=FOLDER`.

    Raises:
        InputError: no such file, or what it says cannot be.
    """
    figure = read_config(FigureRecipe, path, changes)
    # Looked at now, so that a mistake shows before the first sound is made.
    _ = figure.chosen, figure.settings
    return figure if figure.name else replace(figure, name=path.stem)


def figure_needs(figure: FigureRecipe, equipment: Equipment) -> Iterator[Need]:
    """What a figure cannot do without."""
    for row in figure.chosen.values():
        if row.model in TANGOS and not Path(row.model).is_dir():
            yield from RivalSystem(title=row.title, baseline=row.model).needs(equipment)
        else:
            yield model_need(row.model, row.how, equipment)


def figure_hours(figure: FigureRecipe) -> float:
    """An estimate of the time of an accelerator; 0 where there is none."""
    a_step = 0.0 if figure.cost is None else figure.cost.seconds_a_step
    return len(figure.chosen) * figure.steps * a_step / 3600.0


def run_figure(
    figure: FigureRecipe, output: Path, equipment: Equipment, begin: Begin
) -> list[WatchedModel]:
    """Make the sounds of a figure and write it, with a page, tables and scores.

    Args:
        figure: the recipe.
        output: a folder; the figure's files go to a folder of its name there.
        equipment: what it is made with.
        begin: told of each row.

    Raises:
        InputError: a model is not here or cannot make the prompt, or a file cannot be written.
    """
    settings = figure.settings
    watched = [_watched(figure, row, equipment, begin) for row in figure.chosen.values()]
    make_folder(output / figure.name)
    under = f"seed {settings.seed}, {settings.steps} steps of {settings.scheduler}"
    write_all(
        output / figure.name,
        watched,
        title=figure.prompt,
        under=under,
        scale=figure.scale,
        side=figure.side,
    )
    return watched


def _watched(
    figure: FigureRecipe, row: FigureRow, equipment: Equipment, begin: Begin
) -> WatchedModel:
    words = figure.words or None
    advance = begin(row.title, figure.steps)
    if is_tango(row.model):
        if equipment.download and row.model in TANGOS:
            fetch_published(find_baseline(row.model))
        # Guidance as its authors have it, which is not on our scale.
        own = replace(figure.settings, guidance=None)
        found = watch_tango(row.model, own, advance, device=equipment.device, words=words)
    else:
        studio = Studio(row.model, device=equipment.device, dtype=figure.dtype)
        found = watch(studio, studio.complete(figure.settings), advance, words=words)
    rows = [replace(one, label=row.title) for one in found.rows]
    return replace(found, name=row.title, rows=rows)
