"""`auffusion data fetch`: published files, by packages that are made for it."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def fetch(
    name: Annotated[str, typer.Argument(help="A name of `auffusion data list`.", metavar="NAME")],
    to: Annotated[
        Path,
        typer.Option("--to", "-t", help="Where the files go, a begun folder too.", metavar="DIR"),
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", help="Downloads at a time. Default: 2, hub 4.", metavar="N"
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="YouTube: most clips to try in this run.", metavar="N")
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="YouTube: try again what was gone before.")
    ] = False,
    options: Annotated[
        Path | None,
        typer.Option(help="YouTube: a configuration file of yt-dlp, for cookies, proxy, pauses."),
    ] = None,
) -> None:
    """Download a data set's published files, into the layout that `auffusion data prepare` reads.

    AudioCaps and VGGSound: put the lists into DIR; yt-dlp fetches the clips. ESC-50, UrbanSound8K
    and FSD50K need soundata, Clotho and MACS aac-datasets; WavCaps comes from the Hugging Face hub.
    Started again, it goes on where it stopped.
    """
    from auffusion.cli.progress import Display
    from auffusion.data.catalogue import find_data_set
    from auffusion.data.fetching import Request, find_fetcher

    fetcher = find_fetcher(name)
    request = Request(
        data_set=find_data_set(name),
        folder=to,
        workers=workers,
        limit=limit,
        retry=retry,
        options=options,
    )
    done = fetcher(request, Display().count)
    source = shlex.quote(str(done.source))
    typer.echo(done.told)
    typer.echo(f"next: auffusion data prepare {name} --source {source} --output FOLDER")
