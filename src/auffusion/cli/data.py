"""`auffusion data`: from published files to what training reads."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli.choices import Cached, Device, Split, Where
from auffusion.cli.data_check import check
from auffusion.cli.data_fetch import fetch
from auffusion.cli.data_report import report, summary
from auffusion.cli.options import Model, OnDevice
from auffusion.cli.workforce import On, Workers, choose_executor

if TYPE_CHECKING:
    from auffusion.executor import Executor, Outcome
    from auffusion.train.caching import Job

data = typer.Typer(
    help="Data sets: list, prepare, check, report, statistics, cache.", no_args_is_help=True
)
data.command()(check)
data.command()(fetch)
data.command()(report)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Prepared = Annotated[
    Path, typer.Argument(help="A folder that `auffusion data prepare` wrote.", metavar="FOLDER")
]


@data.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """List the data sets that can be prepared, and what each needs."""
    from auffusion.data.catalogue import DATA_SETS

    if as_json:
        shown = ("name", "title", "about", "homepage", "license", "layout")
        told = [{name: getattr(one, name) for name in shown} for one in DATA_SETS.values()]
        typer.echo(json.dumps(told))
        return
    for one in DATA_SETS.values():
        typer.echo(f"{one.name}: {one.about}")
        typer.echo(f"    from {one.homepage} ({one.license})")
        typer.echo(f"    --source holds {one.layout}")


@data.command()
def prepare(
    name: Annotated[str, typer.Argument(help="A name of `auffusion data list`.", metavar="NAME")],
    source: Annotated[
        Path, typer.Option("--source", "-s", help="The published files.", metavar="DIR")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new folder, or a begun one.", metavar="DIR")
    ],
    executor: On = Where.LOCAL,
    workers: Workers = None,
    shard_clips: Annotated[int, typer.Option(help="Clips of a tar shard.")] = 256,
    max_bad_fraction: Annotated[
        float, typer.Option(help="Share of damaged or silent clips that fails the run.")
    ] = 0.05,
    max_missing_fraction: Annotated[
        float, typer.Option(help="Share of missing sounds that fails the run.")
    ] = 1.0,
    first: Annotated[
        float | None,
        typer.Option(
            help="So much of a recording is used. Default: the data set's rule, 30 s.",
            metavar="SECONDS",
        ),
    ] = None,
    shortest: Annotated[
        float | None,
        typer.Option(
            help="Shorter sounds are dropped. Default: the data set's rule, 1 s.",
            metavar="SECONDS",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="The longest that one file may take.")] = 60.0,
    memory_mb: Annotated[int, typer.Option(help="The memory that one file may take.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Turn a data set's published files into tar shards with a manifest.

    Sounds become 16 kHz mono FLAC of at most 30 seconds; those under a second are dropped (paper,
    App. A). What is left out stands in rejects.jsonl with the reason. Started again after an
    interruption, it goes on where it stopped and ends with the same bytes.
    """
    from auffusion.cli.progress import Display
    from auffusion.data.catalogue import find_data_set
    from auffusion.data.preparation import Limits, Preparation

    data_set = find_data_set(name)
    rules = replace(
        data_set.rules,
        first_s=data_set.rules.first_s if first is None else first,
        shortest_s=data_set.rules.shortest_s if shortest is None else shortest,
    )
    job = Preparation(
        data_set=replace(data_set, rules=rules),
        source=source,
        output=output,
        shard_clips=shard_clips,
        limits=Limits(
            seconds=seconds,
            memory_mb=memory_mb,
            max_bad_fraction=max_bad_fraction,
            max_missing_fraction=max_missing_fraction,
        ),
    )
    with Display().count(f"{name}: clips") as more:
        facts = job.run(choose_executor(executor, workers), on_shard=lambda o: more(_clips(o)))
    typer.echo(json.dumps(asdict(facts)) if as_json else summary(facts, output))


@data.command()
def statistics(
    folder: Prepared,
    split: Annotated[Split, typer.Option(help="Which clips count.")] = Split.TRAIN,
    executor: On = Where.LOCAL,
    workers: Workers = None,
) -> None:
    """Measure mean and standard deviation of a data set's log-mel values (paper §3.2).

    They are kept in FOLDER/mel_statistics.json; the sums of every clip in FOLDER/mel-sums, so that
    an interrupted run goes on.
    """
    from auffusion.cli.progress import Display
    from auffusion.data.prepared import PreparedData
    from auffusion.files import write_file
    from auffusion.train.mel_statistics import MakeMelComputer, mel_statistics

    job = MakeMelComputer(data=folder.absolute())
    with Display().count("clips measured", len(PreparedData(folder))) as more:
        found = mel_statistics(
            job,
            split.value,
            folder.absolute() / "mel-sums",
            choose_executor(executor, workers),
            lambda outcome: more(_clips(outcome)),
        )
    told = json.dumps({"split": split.value, **asdict(found)})
    write_file(folder / "mel_statistics.json", f"{told}\n".encode())
    typer.echo(told)


@data.command()
def cache(
    folder: Prepared,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A new folder, or a begun one.", metavar="DIR")
    ],
    model: Model = "embedded",
    what: Annotated[Cached, typer.Option(help="What is computed.")] = Cached.BOTH,
    crops: Annotated[
        int, typer.Option(help="Latents: random crops of a clip longer than ten seconds.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Latents: of the crops.")] = 0,
    device: OnDevice = Device.AUTO,
    executor: On = Where.LOCAL,
    workers: Workers = None,
) -> None:
    """Compute a data set's VAE latents and text embeddings once, so that training need not.

    They go to OUTPUT/latents and OUTPUT/text, as moments and as rows of the text encoders, keyed by
    the clips' content and the model's parts: what changed is computed again, what did not is kept.
    """
    from auffusion.studio.devices import choose_device
    from auffusion.train.latent_cache import MakeLatentComputer
    from auffusion.train.text_cache import MakeTextComputer

    place = str(choose_device(device.value))
    source = folder.absolute()
    workforce = choose_executor(executor, workers, gpus=int(place == "cuda"))
    if what is not Cached.TEXT:
        job = MakeLatentComputer(data=source, model=model, crops=crops, seed=seed, device=place)
        _cached(job, output / "latents", workforce, folder)
    if what is not Cached.LATENTS:
        texts = MakeTextComputer(data=source, model=model, device=place)
        _cached(texts, output / "text", workforce, folder)


def _cached(job: "Job", output: Path, workforce: "Executor", folder: Path) -> None:
    from auffusion.cli.progress import Display
    from auffusion.data.prepared import PreparedData
    from auffusion.train.caching import compute_cache

    total = len(PreparedData(folder))

    with Display().count(f"{output.name}: clips", total) as more:

        def tell(outcome: "Outcome") -> None:
            more(_clips(outcome))

        about = compute_cache(job, output.absolute(), workforce, tell)
    typer.echo(f"{output}: {about['kind']} of {total:,} clips")


def _clips(outcome: "Outcome") -> int:
    return int(outcome.facts.get("clips", 0))
