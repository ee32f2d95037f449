"""`auffusion baseline`: the paper's rivals, and how a list of prompts is made by one of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device, Precision
from auffusion.errors import InputError

if TYPE_CHECKING:
    from auffusion.baselines import BaselineEntry, ListedSound

baseline = typer.Typer(help="Rival systems: list, generate.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name of `auffusion baseline list`.", metavar="NAME")]
Captions = Annotated[
    Path,
    typer.Option(
        "--from",
        help="Prompts from a file: .txt (one a line), .csv or .jsonl (column prompt, caption or "
        "text; if wanted seed, name).",
        metavar="FILE",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="A new folder, or a begun one.", metavar="FOLDER")
]
Weights = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A folder with the published files, or a repository of the hub.",
        metavar="FOLDER_OR_ID",
    ),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch what is not on this machine from the hub.")
]
Seed = Annotated[int, typer.Option(help="Seed of the rows that name none.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps. Default: the baseline's.")]
Guidance = Annotated[float | None, typer.Option(help="Guidance scale. Default: the baseline's.")]
Length = Annotated[
    float | None, typer.Option(help="Seconds. Default: the baseline's.", metavar="SECONDS")
]


@baseline.command("list")
def list_baselines(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the baselines, what each needs and how it is run.

    The first nine are those of the paper's Table 1 (Riffusion as published and as the paper
    re-trains it), what follows is newer.
    """
    from auffusion.baselines import BASELINES

    told = [_told(entry) for entry in BASELINES.values()]
    if as_json:
        typer.echo(json.dumps(told))
        return
    for one in told:
        here = "here" if one["here"] else "not here"
        steps = f"{one['steps']} steps, " if one["steps"] else ""
        typer.echo(f"{one['name']}: {one['title']} ({one['license']})")
        weights = f"weights {one['repository']}, {one['size_gb']} GB, {here}"
        none = "no published weights: auffusion train diffusion riffusion makes some"
        typer.echo(f"    {weights if one['repository'] else none}")
        typer.echo(f"    {steps}guidance {one['guidance']}, {one['length_s']} s")


def _told(entry: "BaselineEntry") -> dict[str, object]:
    sampling = entry.sampling
    return {
        "name": entry.name,
        "title": entry.title,
        "license": entry.license,
        "repository": entry.weights.id or None,
        "companions": [part.id for part in entry.companions.values()],
        "size_gb": entry.size_gb,
        "here": _is_here(entry),
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "length_s": sampling.length_s,
    }


def _is_here(entry: "BaselineEntry") -> bool:
    from huggingface_hub import try_to_load_from_cache

    if not entry.weights.id:
        return False
    named = next(name for name in entry.weights.needed.files if "*" not in name)
    return isinstance(try_to_load_from_cache(entry.weights.id, named), str)


@baseline.command()
def generate(
    name: Name,
    source: Captions,
    output: Output,
    model: Weights = None,
    download: Download = False,
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    length: Length = None,
    device: options.OnDevice = Device.AUTO,
    dtype: options.Dtype = Precision.FLOAT32,
    as_json: options.AsJson = False,
) -> None:
    """Make a sound of every row of a list: 16 kHz mono, one seed an item, as the paper compares.

    Each file carries the baseline, its weights' hash and all settings. Started again after an
    interruption, it makes what is missing and ends with the same files.
    """
    import torch

    from auffusion.baselines import find_baseline, generate_list, load_baseline
    from auffusion.cli.plan import check_writable
    from auffusion.cli.progress import Display
    from auffusion.studio.devices import choose_device

    find_baseline(name)
    rows = _rows(source, seed)
    check_writable(output)
    display = Display()
    with display.loading(name):
        loaded = load_baseline(
            name,
            model=model,
            device=choose_device(device.value),
            dtype=getattr(torch, dtype.value),
            steps=steps,
            guidance=guidance,
            length_s=length,
            download=download,
        )
    files = {f"{row.id}.wav": row for row in rows}
    with display.count(f"{name}: sounds", len(rows)) as more:

        def tell(path: Path, made: bool) -> None:
            more(1)
            row = files[path.name]
            told = {"file": str(path), "prompt": row.prompt, "seed": row.seed, "made": made}
            typer.echo(json.dumps(told) if as_json else str(path))

        generate_list(loaded, rows, output, tell)


def _rows(source: Path, seed: int) -> list["ListedSound"]:
    from auffusion.baselines import ListedSound
    from auffusion.cli.plan import plan_sounds
    from auffusion.studio.rows import read_rows
    from auffusion.studio.settings import Settings

    rows = read_rows(source)
    for row in rows:
        if row.negative is not None or row.length_s is not None:
            raise InputError(
                f"{source} names a negative prompt or a length for {row.prompt!r}: baselines take "
                "neither from a list, leave the columns negative and length out"
            )
    return [
        ListedSound(id=sound.name, prompt=sound.settings.prompt, seed=sound.settings.seed)
        for sound in plan_sounds(rows, Settings(seed=seed), 1)
    ]
