"""`auffusion data check`: the doctor of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from auffusion.cli.choices import Where
from auffusion.cli.workforce import On, Workers, choose_executor


def check(
    source: Annotated[
        Path,
        typer.Argument(
            help="A prepared folder, or a manifest (.jsonl, .csv) of sounds beside it.",
            metavar="SOURCE",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the report.", metavar="DIR")
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another data set, or a list of ids, that it must share no sound with; may be "
            "given several times.",
            metavar="PATH",
        ),
    ] = None,
    sounds: Annotated[
        bool,
        typer.Option("--sounds/--no-sounds", help="Open the sounds, or look at the rows only."),
    ] = True,
    max_bad_fraction: Annotated[
        float, typer.Option(help="Share of rejected rows that fails the run.")
    ] = 0.05,
    executor: On = Where.LOCAL,
    workers: Workers = None,
) -> None:
    """Find what is wrong with a data set: 20 kinds of fault, each with its row and a sentence.

    Writes report.html for people, report.json and findings.jsonl for machines, rejects.jsonl with
    the reasons and clean.jsonl with the rows that are good. Nothing of the data set is changed.
    """
    from auffusion.cli.plan import check_writable, make_folder
    from auffusion.cli.progress import Display
    from auffusion.data.doctor import Checks, Progress, report_table, write_report
    from auffusion.data.doctor import check as look

    check_writable(output)
    checks = Checks(sounds=sounds, against=tuple(against or ()))
    done = 0
    with Display().count("rows looked at") as more:

        def tell(progress: Progress) -> None:
            nonlocal done
            now = progress.examined if sounds else progress.rows
            more(now - done)
            done = now

        report = look(source, choose_executor(executor, workers), checks, on_block=tell)
    with report:
        make_folder(output)
        write_report(report, output)
        typer.echo(report_table(report))
        report.refuse_above(max_bad_fraction)
