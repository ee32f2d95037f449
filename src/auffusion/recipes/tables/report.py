"""What a table's run leaves behind: tables for people, for papers and for programs, and plots."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from auffusion.evaluate.charts import clip_chart, interval_chart
from auffusion.evaluate.comparing import Comparison, compare, difference_table, score_table
from auffusion.evaluate.report import remarks
from auffusion.evaluate.result import Result
from auffusion.evaluate.tables import Form, Table
from auffusion.files import make_folder, write_file
from auffusion.recipes.tables.groups import group_table
from auffusion.recipes.tables.printed import printed_beside, with_printed
from auffusion.recipes.tables.recipe import TableRecipe
from auffusion.recipes.tables.running import Measured, left_out
from auffusion.recipes.tables.sweep import sweep_chart

_HEADS = {Form.TEXT: "{}\n", Form.MARKDOWN: "### {}\n\n", Form.LATEX: "% {}\n"}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Tables, remarks, plots and data."""

    title: str
    """Of the recipe."""
    tables: tuple[tuple[str, Table], ...]
    """Each with its heading."""
    remarks: tuple[str, ...]
    """What to bear in mind, a sentence or a few each."""
    data: Mapping[str, Any]
    """All numbers."""
    charts: Mapping[str, Image.Image] = field(default_factory=lambda: {})
    """Plots by file name."""
    files: Mapping[str, bytes] = field(default_factory=lambda: {})
    """Further files by name."""

    def text(self, form: Form) -> str:
        """All tables in a form, and the remarks below them."""
        told = [_HEADS[form].format(head) + table.write(form) for head, table in self.tables]
        comment = "% " if form is Form.LATEX else ""
        below = [f"{comment}{remark}\n" for remark in self.remarks]
        if form is Form.MARKDOWN:
            below = [f"- {remark}\n" for remark in self.remarks]
        return "\n".join([*told, "".join(below)])

    def write(self, folder: Path) -> list[Path]:
        """Write `table.md`, `table.tex`, `table.json`, the plots and further files.

        Raises:
            InputError: one of them cannot be written.
        """
        make_folder(folder)
        contents = {
            "table.md": f"## {self.title}\n\n{self.text(Form.MARKDOWN)}".encode(),
            "table.tex": self.text(Form.LATEX).encode(),
            "table.json": _json(self.data),
            **{name: _png(chart) for name, chart in self.charts.items()},
            **self.files,
        }
        for name, content in contents.items():
            write_file(folder / name, content)
        return [folder / name for name in contents]


def table_report(recipe: TableRecipe, measured: Measured) -> Report:
    """What there is to say of a table that was measured."""
    tables: list[tuple[str, Table]] = []
    data: dict[str, Any] = {}
    charts: dict[str, Image.Image] = {}
    for of, results in measured.results.items():
        title = recipe.caption_lists[of].title
        side_by_side = Comparison(results=tuple(results.values()), differences=())
        beside = printed_beside(recipe, of, results)
        head = f"{title}, {len(measured.items[of])} clips, protocol {recipe.measured.name}"
        tables.append((head, with_printed(score_table(side_by_side), side_by_side, beside)))
        comparison = _compared(recipe, results)
        if comparison.differences:
            tables.append((f"{title}: differences", difference_table(comparison)))
        data[of] = comparison.to_data() | {
            "printed": {
                system: {name: one.to_data() for name, one in scores.items()}
                for system, scores in beside.items()
            }
        }
        charts |= dict(_charts(recipe, of, side_by_side, results))
    report = Report(
        title=recipe.title,
        tables=tuple(tables),
        remarks=tuple(_remarks(recipe, measured)),
        data={"recipe": recipe.name, "settings": asdict(recipe), "lists": data},
        charts=charts,
    )
    return _with_groups(recipe, measured, report) if recipe.kind == "groups" else report


def _with_groups(recipe: TableRecipe, measured: Measured, report: Report) -> Report:
    """The table of groups before all others."""
    groups = group_table(recipe, measured)
    return replace(
        report,
        tables=((groups.head, groups.table), *report.tables),
        data={**report.data, **groups.data},
        files={"groups.csv": groups.counts},
    )


def _compared(recipe: TableRecipe, results: Mapping[str, Result]) -> Comparison:
    """All systems, that which the others are compared with first."""
    first = [one for name, one in results.items() if name == recipe.against]
    rest = [one for name, one in results.items() if name != recipe.against]
    ordered = (*first, *rest)
    return compare(ordered) if len(ordered) > 1 else Comparison(results=ordered, differences=())


def _charts(
    recipe: TableRecipe, of: str, comparison: Comparison, results: Mapping[str, Result]
) -> Iterator[tuple[str, Image.Image]]:
    yield f"{of}-intervals.png", interval_chart(comparison)
    if any(score.values is not None for score in comparison.scores):
        yield f"{of}-clips.png", clip_chart(comparison)
    if recipe.axis:
        yield f"{of}-sweep.png", sweep_chart(recipe, of, results)


def _remarks(recipe: TableRecipe, measured: Measured) -> Iterator[str]:
    yield from (f"left out: {title}, {why}" for title, why in left_out(recipe).items())
    for of, results in measured.results.items():
        where = f"{recipe.caption_lists[of].title}: " if len(measured.results) > 1 else ""
        for remark, systems in _noted(list(results.values())).items():
            who = "" if len(systems) == len(results) else f"{', '.join(systems)}: "
            yield f"{where}{who}{remark}"
    if recipe.controls:
        yield "rows in brackets are controls"
    if recipe.spread:
        told = ", ".join(f"{name} {value:g}" for name, value in recipe.spread.items())
        yield f"two runs of the paper itself lie about this far apart: {told}"
    if recipe.about:
        yield recipe.about


def _noted(results: Sequence[Result]) -> dict[str, list[str]]:
    """What is to be remarked, and of which systems."""
    found: dict[str, list[str]] = {}
    for result in results:
        for remark in remarks(result):
            found.setdefault(remark, []).append(result.system)
    return found


def _json(data: Mapping[str, Any]) -> bytes:
    # Paths among the settings are texts.
    return (json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def _png(chart: Image.Image) -> bytes:
    picture = io.BytesIO()
    chart.save(picture, format="PNG", optimize=True)
    return picture.getvalue()
