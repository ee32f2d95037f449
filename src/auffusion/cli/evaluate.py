"""`auffusion evaluate`: scores of generated sounds under a named protocol."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from auffusion.cli.choices import Device, Where
from auffusion.cli.options import OnDevice
from auffusion.cli.workforce import On, Workers, choose_executor

if TYPE_CHECKING:
    from auffusion.evaluate.evaluating import Means
    from auffusion.evaluate.result import Result


def _show_protocols(wanted: bool | None) -> None:
    if wanted:
        from auffusion.evaluate.protocol import protocol_names, read_protocol

        for protocol in map(read_protocol, protocol_names()):
            typer.echo(f"{protocol.name}: {protocol.about}")
            typer.echo(f"    {', '.join(score.name for score in protocol.scores)}")
            if protocol.lacks:
                typer.echo(f"    without {protocol.lacks}")
        raise typer.Exit


def evaluate(
    generated: Annotated[
        Path,
        typer.Argument(help="A folder of sounds, or a .txt list of them.", metavar="GENERATED"),
    ],
    reference: Annotated[
        Path, typer.Argument(help="The recordings, named alike.", metavar="REFERENCE")
    ],
    protocol: Annotated[
        str,
        typer.Option("--protocol", "-p", help="A name (see --protocols) or a .toml file."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The result file.", metavar="FILE")
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            help="Captions by name: .csv or .jsonl (columns name, file_name or audio_path, and "
            "caption, text or prompt).",
            metavar="FILE",
        ),
    ] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(help="Only this score; may be given several times.", metavar="NAME"),
    ] = None,
    name: Annotated[
        str, typer.Option(help="The system's name in tables. Default: the folder's.")
    ] = "",
    bootstrap: Annotated[
        int, typer.Option(help="Draws of the clips for intervals; 0 makes none.", metavar="N")
    ] = 1000,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of draws and controls.")] = 0,
    controls: Annotated[
        bool,
        typer.Option(
            help="Also measure the recordings' halves, silence, noise and shuffled clips."
        ),
    ] = True,
    allow_missing: Annotated[
        int,
        typer.Option(help="So many clips may lack a partner; they are left out.", metavar="K"),
    ] = 0,
    paired: Annotated[
        bool, typer.Option("--paired/--unpaired", help="Match clips by name, or do not.")
    ] = True,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Folder of published weights. Default: $AUFFUSION_WEIGHTS or "
            "~/.cache/auffusion/weights.",
            metavar="DIR",
        ),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Download weights that are not here.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder of features. Default: ~/.cache/auffusion/features.", metavar="DIR"
        ),
    ] = None,
    device: OnDevice = Device.AUTO,
    executor: On = Where.HERE,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result file.")] = False,
    _protocols: Annotated[
        bool | None,
        typer.Option(
            "--protocols",
            help="List the protocols and their scores.",
            callback=_show_protocols,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Measure generated sounds against recordings.

    Clips are matched by name; one that is missing or cannot be read stops the run. Each score
    stands with its interval and with the scores of systems whose quality is known. Features are
    kept by the content of the sounds, so that a second run, or an interrupted one, computes only
    what is new.
    """
    from auffusion.cli.progress import Display
    from auffusion.evaluate.evaluating import Conditions
    from auffusion.evaluate.evaluating import evaluate as measure
    from auffusion.evaluate.protocol import read_protocol
    from auffusion.evaluate.scoring import Certainty

    conditions = Conditions(
        system=name,
        captions=None if captions is None else _read_captions(captions),
        paired=paired,
        allow_missing=allow_missing,
        controls=controls,
        certainty=Certainty(replicates=bootstrap, level=level, seed=seed),
    )
    chosen = read_protocol(protocol).only(scores or [])
    place = WeightsAndFeatures(weights=weights, fetch=fetch, cache=cache)
    with Display().count("sounds heard") as more:
        means = make_means(place, device, executor, workers, more)
        result = measure(generated, reference, chosen, means, conditions)
    if output is not None:
        result.write(output)
    typer.echo(result.to_json() if as_json else _told(result), nl=False)


class WeightsAndFeatures(NamedTuple):
    """Where weights and features are."""

    weights: Path | None
    """Folder of weights; None is the usual one."""
    fetch: bool
    """Whether weights may be downloaded."""
    cache: Path | None
    """Folder of features; None is the usual one."""


def make_means(
    place: WeightsAndFeatures,
    device: Device,
    where: Where,
    workers: int | None,
    on_sounds: Callable[[int], None],
) -> "Means":
    """What is measured with.

    Args:
        place: of weights and features.
        device: where networks run.
        where: who computes features.
        workers: processes.
        on_sounds: told how many more sounds were heard.
    """
    from auffusion.evaluate.embedding import EmbeddingOptions
    from auffusion.evaluate.embedding_cache import EmbeddingCache
    from auffusion.evaluate.evaluating import Means
    from auffusion.evaluate.extractors import Choice, load_extractor
    from auffusion.evaluate.weights import WeightsPlace
    from auffusion.studio.devices import choose_device

    chosen = str(choose_device(device.value))
    choice = Choice(place=WeightsPlace(folder=place.weights, fetch=place.fetch), device=chosen)
    usual = Path.home() / ".cache" / "auffusion" / "features"
    return Means(
        cache=EmbeddingCache(place.cache or usual),
        load=lambda name: load_extractor(name, choice),
        executor=choose_executor(where, workers, gpus=int(chosen == "cuda")),
        options=EmbeddingOptions(threads=None if where is Where.HERE else 1),
        on_sounds=lambda sounds: on_sounds(len(sounds)),
    )


def _read_captions(path: Path) -> dict[str, str]:
    from auffusion.errors import InputError
    from auffusion.studio.rows import read_rows

    found: dict[str, str] = {}
    for row in read_rows(path):
        if row.name is None:
            raise InputError(
                f"{path} does not say which clip the caption '{row.prompt[:40]}' belongs to: give "
                "a column name, file_name or audio_path"
            )
        if found.setdefault(row.name, row.prompt) != row.prompt:
            raise InputError(f"{path} has two captions for {row.name}: leave one of them")
    return found


def _told(result: "Result") -> str:
    from auffusion.evaluate.report import remarks, result_table
    from auffusion.evaluate.tables import Form

    head = f"{result.system}, protocol {result.protocol.name}"
    table = result_table(result).write(Form.TEXT)
    return f"{head}\n{table}" + "".join(f"{remark}\n" for remark in remarks(result))
