"""`auffusion data report`: what prepared data sets hold, in the columns of the paper's Table 4."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from auffusion.data.assembling import PreparedFacts

COLUMNS = ("Dataset", "Samples", "Hours (Original)", "Hours (Processed)", "Source")
"""Of the paper's Table 4."""


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders that `auffusion data prepare` wrote.", metavar="FOLDER"),
    ],
    licenses: Annotated[
        bool, typer.Option("--licenses", help="Also the clips of each licence.")
    ] = False,
    attribution: Annotated[
        Path | None,
        typer.Option(
            help="Write a list of every clip's source, licence and author.", metavar="FILE"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print prepared data sets in the columns of the paper's Table 4, with their total."""
    from auffusion.data.attribution import write_attribution
    from auffusion.data.clips import iter_clips
    from auffusion.data.prepared import read_facts

    found = [read_facts(folder) for folder in folders]
    if attribution is not None:
        write_attribution((clip for folder in folders for clip in iter_clips(folder)), attribution)
    if as_json:
        typer.echo(json.dumps([asdict(facts) for facts in found]))
        return
    typer.echo(_table([COLUMNS, *map(_row, found), *_total(found)]))
    if licenses:
        for facts in found:
            typer.echo(f"\n{facts.about['title']}")
            typer.echo(_table([(name, f"{n:,}") for name, n in facts.licenses.items()]))


def summary(facts: "PreparedFacts", output: Path) -> str:
    """What a preparation came to, in a sentence."""
    splits = ", ".join(f"{count:,} {split}" for split, count in facts.clips.items())
    out = ", ".join(f"{count:,} {reason}" for reason, count in facts.rejects.items())
    return (
        f"{output}: {facts.count:,} clips ({splits}), {_time(facts.hours)} of "
        f"{_time(facts.hours_original)}, shards: {len(facts.shards)}"
        + (f"; left out: {out}" if out else "")
    )


def _time(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 1 else f"{60 * hours:.2f} min"


def _row(facts: "PreparedFacts") -> tuple[str, ...]:
    return (
        facts.about["title"],
        f"{facts.count:,}",
        f"{facts.hours_original:.2f}",
        f"{facts.hours:.2f}",
        facts.about["homepage"],
    )


def _total(found: "Sequence[PreparedFacts]") -> list[tuple[str, ...]]:
    if len(found) < 2:
        return []
    return [
        (
            "Total",
            f"{sum(facts.count for facts in found):,}",
            f"{sum(facts.hours_original for facts in found):.2f}",
            f"{sum(facts.hours for facts in found):.2f}",
            "-",
        )
    ]


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side; what is all figures stands to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
