"""Options of the commands, each with its help; the defaults stand where they are used."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from auffusion.cli.choices import Device, FileKind, Precision, Sampler
from auffusion.studio.settings import HIGHEST_SEED

Prompts = Annotated[
    list[str] | None,
    typer.Argument(
        help="What to hear; a word may be weighted, as in a man (chopping:2.0) wood.",
        metavar="PROMPT",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="Prompts from a file: .txt (one a line), .csv or .jsonl (column prompt, caption or "
        "text; if wanted negative, seed, length, name).",
        metavar="FILE",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A .wav or .flac file for one sound, else a folder.",
        metavar="PATH",
    ),
]
Model = Annotated[
    str,
    typer.Option("--model", "-m", help="'embedded', a model folder or a hub id.", metavar="MODEL"),
]
Loras = Annotated[
    list[str] | None,
    typer.Option(
        "--lora",
        help="A folder of auffusion train lora to add to the model, with :SCALE for how strongly; "
        "may be given several times.",
        metavar="FOLDER[:SCALE]",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        help="Seed of each prompt's first sound, the next have seed + 1, …; -1 chooses one and "
        "prints it."
    ),
]
Steps = Annotated[int, typer.Option(help="Denoising steps.")]
Guidance = Annotated[
    float | None,
    typer.Option(help="Guidance scale; none at 1 or below. Default: the model's own."),
]
Negative = Annotated[str | None, typer.Option(help="What not to hear.", metavar="PROMPT")]
Length = Annotated[
    float | None,
    typer.Option(help="Seconds, from 0.5. Default: the model's window.", metavar="SECONDS"),
]
Count = Annotated[int, typer.Option(help="Sounds for each prompt.")]
Scheduler = Annotated[
    Sampler, typer.Option(help="How the noise is removed; dpm++ needs the fewest steps.")
]
OnDevice = Annotated[
    Device, typer.Option("--device", help="auto takes CUDA, then MPS, then the CPU.")
]
Dtype = Annotated[Precision, typer.Option(help="Precision; the half ones are for accelerators.")]
Format = Annotated[
    FileKind | None, typer.Option("--format", help="Default: as --output ends, or wav.")
]
Spectrogram = Annotated[
    bool, typer.Option("--spectrogram", help="Draw the spectrogram into a PNG beside each file.")
]
Recording = Annotated[
    Path, typer.Argument(help="A WAV, FLAC, OGG or MP3 file.", metavar="RECORDING")
]
EditPrompt = Annotated[
    str,
    typer.Argument(
        help="What to hear; a word may be weighted, as in a man (chopping:2.0) wood.",
        metavar="PROMPT",
    ),
]
EditOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A .wav or .flac file for one sound, else a folder. Default: this folder, under the "
        "recording's name and the edit's.",
        metavar="PATH",
    ),
]
EditSeed = Annotated[
    int, typer.Option("--seed", help="Seed of the noise; -1 chooses one and prints it.")
]
Picture = Annotated[
    bool,
    typer.Option(
        "--picture/--no-picture",
        help="Draw before and after into a PNG beside the file; one for all where there are "
        "several.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print a JSON object a line instead of file names.")
]


def chosen_seed(seed: int) -> int:
    """The seed that was asked for; for -1 one is chosen and printed."""
    if seed != -1:
        return seed
    # Room above for the seeds of further samples.
    chosen = secrets.randbelow(HIGHEST_SEED // 2)
    typer.echo(f"seed {chosen}", err=True)
    return chosen
