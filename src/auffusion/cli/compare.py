"""`auffusion compare`: several systems beside each other."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli.choices import Written

if TYPE_CHECKING:
    from auffusion.evaluate.comparing import Comparison


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Files of auffusion evaluate; the others are compared with the first.",
            metavar="RESULT.json",
        ),
    ],
    form: Annotated[
        Written, typer.Option("--format", help="text for people; the others for papers.")
    ] = Written.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write there instead of printing.", metavar="FILE"),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            help="Folder for intervals.png and, where single clips have scores, clips.png.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Put systems beside each other, with the differences to the first.

    Differences are taken on the same draws of the same clips. Results that differ in more than the
    generated sounds (protocol, weights, recordings, list, captions, draws) are refused.
    """
    from auffusion.evaluate.comparing import compare as put_together
    from auffusion.evaluate.result import read_result
    from auffusion.files import write_file

    comparison = put_together([read_result(path) for path in results])
    told = _told(comparison, form)
    if output is None:
        typer.echo(told, nl=False)
    else:
        write_file(output, told.encode())
    if plots is not None:
        _draw(comparison, plots)


def _told(comparison: "Comparison", form: Written) -> str:
    from auffusion.evaluate.comparing import difference_table, score_table
    from auffusion.evaluate.tables import Form

    if form is Written.JSON:
        return json.dumps(comparison.to_data(), ensure_ascii=False, indent=1) + "\n"
    tables = (score_table(comparison), difference_table(comparison))
    return "\n".join(table.write(Form(form.value)) for table in tables)


def _draw(comparison: "Comparison", folder: Path) -> None:
    from auffusion.cli.plan import make_folder
    from auffusion.evaluate.charts import clip_chart, interval_chart
    from auffusion.files import write_file

    make_folder(folder)
    charts = {"intervals.png": interval_chart(comparison)}
    if any(score.values is not None for score in comparison.scores):
        charts["clips.png"] = clip_chart(comparison)
    for name, chart in charts.items():
        picture = io.BytesIO()
        chart.save(picture, format="PNG")
        write_file(folder / name, picture.getvalue())
