"""`auffusion recipe`: the paper's tables and figures from nothing, and one that needs nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli.choices import Device, Where
from auffusion.cli.evaluate import WeightsAndFeatures, make_means
from auffusion.cli.options import OnDevice
from auffusion.cli.workforce import On, Workers

if TYPE_CHECKING:
    from auffusion.evaluate.evaluating import Means
    from auffusion.recipes.tables.attention_figure import FigureRecipe
    from auffusion.recipes.tables.needs import Equipment
    from auffusion.recipes.tables.recipe import TableRecipe
    from auffusion.recipes.tables.running import Watch

recipe = typer.Typer(help="Published results: list, show, run.", no_args_is_help=True)

MISSING = 2

Begin = Callable[[str, int | None], Callable[[int], None]]

Name = Annotated[
    str, typer.Argument(help="A name of auffusion recipe list, or a .toml file.", metavar="NAME")
]


@recipe.command("list")
def list_recipes(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the results that can be made: tables and figures of the paper, and our own."""
    from auffusion.config import read_toml
    from auffusion.recipes.tables.catalogue import shipped_tables

    found = {name: read_toml(path) for name, path in shipped_tables().items()}
    told = [{"name": n, "title": t["title"], "source": t["source"]} for n, t in found.items()]
    if as_json:
        typer.echo(json.dumps(told))
        return
    for one in told:
        typer.echo(f"{one['name']}: {one['title']}{one['source'] and ' (' + one['source'] + ')'}")


@recipe.command()
def show(name: Name) -> None:
    """Print a recipe's file: systems, lists, sampling, protocol and the paper's numbers."""
    from auffusion.recipes.tables.catalogue import find_table

    typer.echo(find_table(name).read_text(encoding="utf-8"), nl=False)


@recipe.command()
def run(
    name: Name,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="A change, as system.clap.model=FOLDER.", metavar="NAME=VALUE"),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A folder, new or begun.", metavar="FOLDER"),
    ] = Path("results"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is needed, and make nothing.")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch weights that are not here.")
    ] = False,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the weights that are measured with. Default: $AUFFUSION_WEIGHTS or "
            "~/.cache/auffusion/weights.",
            metavar="DIR",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder of features. Default: ~/.cache/auffusion/features.", metavar="DIR"
        ),
    ] = None,
    device: OnDevice = Device.AUTO,
    executor: On = Where.HERE,
    workers: Workers = None,
) -> None:
    """Make a result: generate, measure, and print it beside what the paper prints.

    Says first what it needs and what of it is not here; with something missing it leaves with
    status 2. Sounds that are there and right stay, and so do scores of unchanged sounds: after an
    interruption the same command goes on. Writes table.md, table.tex, table.json and plots.
    """
    from auffusion.files import check_writable
    from auffusion.recipes.tables.attention_figure import FigureRecipe
    from auffusion.recipes.tables.catalogue import read_recipe
    from auffusion.recipes.tables.needs import Equipment
    from auffusion.studio.devices import choose_device

    made = read_recipe(name, changes or ())
    chosen = str(choose_device(device.value))
    equipment = Equipment(device=chosen, download=download, weights=weights)
    check_writable(output)
    if not _all_here(made, equipment, to_stderr=not dry_run):
        raise typer.Exit(MISSING)
    if dry_run:
        return
    if isinstance(made, FigureRecipe):
        _run_figure(made, output, equipment)
        return
    place = WeightsAndFeatures(weights=weights, fetch=download, cache=cache)
    _run_table(
        made, output, equipment, lambda heard: make_means(place, device, executor, workers, heard)
    )


def _run_table(
    table: "TableRecipe",
    output: Path,
    equipment: "Equipment",
    means: "Callable[[Callable[[int], None]], Means]",
) -> None:
    from auffusion.cli.progress import Display
    from auffusion.evaluate.tables import Form
    from auffusion.recipes.tables.report import table_report
    from auffusion.recipes.tables.running import run_table

    with Display().stages() as begin:
        watch = _Watcher(begin)
        measured = run_table(table, output, equipment, means(watch.on_heard), watch.watch())
    report = table_report(table, measured)
    typer.echo(report.text(Form.TEXT), nl=False)
    for path in report.write(output / table.name):
        typer.echo(str(path))


def _run_figure(figure: "FigureRecipe", output: Path, equipment: "Equipment") -> None:
    from auffusion.cli.progress import Display
    from auffusion.recipes.tables.attention_figure import run_figure

    with Display().stages() as begin:

        def begun(title: str, steps: int) -> Callable[[], object]:
            advance = begin(title, steps)
            return lambda: advance(1)

        run_figure(figure, output, equipment, begun)
    if figure.about:
        typer.echo(figure.about)
    for name in ("figure.png", "page.html", "maps.csv", "maps.npz", "scores.csv"):
        typer.echo(str(output / figure.name / name))


class _Watcher:
    """A bar for each system as it is made, and one for each as it is measured."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._advance: Callable[[int], None] = lambda _: None

    def watch(self) -> "Watch":
        """What `run_table` tells."""
        from auffusion.recipes.tables.running import Watch

        return Watch(
            on_sound=lambda _, __: self._advance(1),
            on_system=self._start,
            on_measure=lambda title, _: self._start(f"{title}: sounds heard", None),
        )

    def on_heard(self, sounds: int) -> None:
        """Count sounds that were heard."""
        self._advance(sounds)

    def _start(self, title: str, sounds: int | None) -> None:
        self._advance = self._begin(title, sounds)


def _all_here(
    made: "TableRecipe | FigureRecipe", equipment: "Equipment", *, to_stderr: bool
) -> bool:
    """Say what a recipe needs, and whether all of it is here or will be fetched."""
    from auffusion.recipes.tables.attention_figure import (
        FigureRecipe,
        figure_hours,
        figure_needs,
    )
    from auffusion.recipes.tables.running import gpu_hours, left_out, table_needs

    typer.echo(f"{made.title} needs", err=to_stderr)
    if isinstance(made, FigureRecipe):
        needs, hours = list(figure_needs(made, equipment)), figure_hours(made)
    else:
        needs, hours = list(table_needs(made, equipment)), gpu_hours(made)
    for need in needs:
        typer.echo(f"  {need.told()}", err=to_stderr)
    if not isinstance(made, FigureRecipe):
        for title, why in left_out(made).items():
            typer.echo(f"  {'left out':<14}{'system':<10}{title}: {why}", err=to_stderr)
    if made.cost is not None and hours:
        told = f"{hours:.0f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"
        typer.echo(f"  about {told} of {made.cost.device}", err=to_stderr)
    missing = sum(need.missing for need in needs)
    if missing:
        typer.echo(f"{missing} things are missing: nothing was made", err=to_stderr)
    return not missing
