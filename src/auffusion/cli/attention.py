"""`auffusion attention`: where in a sound each word of its prompt was attended to."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auffusion.cli import options
from auffusion.cli.choices import Device, MapColours, Place, Precision, Rows, Sampler
from auffusion.cli.plan import check_writable, make_folder, slug
from auffusion.errors import InputError
from auffusion.studio.settings import Settings

if TYPE_CHECKING:
    from auffusion.attention import Grounding
    from auffusion.studio.watching import WatchedModel

_STEPS = 50  # of the paper's Figure 2

Words = Annotated[
    list[str] | None,
    typer.Option(
        "--words",
        "-w",
        help="A word exactly as it stands in the prompt; may be given several times. Default: "
        "every word.",
        metavar="WORD",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="'embedded', a model folder, a hub id, or a rival: 'tango', 'tango-full' or a folder "
        "of theirs; given several times, a row each. Default: embedded.",
        metavar="MODEL",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A folder. Default: one named after the prompt.",
        metavar="FOLDER",
    ),
]


def attention(
    prompt: options.EditPrompt,
    words: Words = None,
    models: Models = None,
    output: Folder = None,
    by: Annotated[Rows, typer.Option(help="What the rows of the picture are.")] = Rows.MODEL,
    scale: Annotated[
        MapColours,
        typer.Option(
            help="relative: times the word's mean share, the same colours for all maps; share: "
            "from 0 to the row's largest share; own: each map over its own range, as in the "
            "paper's figure, not comparable."
        ),
    ] = MapColours.RELATIVE,
    place: Annotated[
        list[Place] | None,
        typer.Option(
            help="Only this part of the U-Net, down, mid or up; may be given several times.",
            metavar="PART",
        ),
    ] = None,
    level: Annotated[
        list[int] | None,
        typer.Option(
            help="Only this level of the U-Net, 0 being the finest; may be given several times.",
            metavar="NUMBER",
        ),
    ] = None,
    side: Annotated[
        int, typer.Option(help="Side of a square of figure.png, in pixels.", min=64, max=1024)
    ] = 256,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch a rival's weights that are not here.")
    ] = False,
    seed: options.EditSeed = 0,
    steps: options.Steps = _STEPS,
    guidance: options.Guidance = None,
    negative: options.Negative = None,
    length: options.Length = None,
    scheduler: options.Scheduler = Sampler.DPM,
    device: options.OnDevice = Device.AUTO,
    dtype: options.Dtype = Precision.FLOAT32,
    as_json: options.AsJson = False,
) -> None:
    """Show where in a sound each word of its prompt was attended to.

    Writes figure.png (the paper's Figure 2: models in rows, words in columns, equal squares),
    page.html (plays the sounds, a playhead over each map), maps.csv, maps.npz, scores.csv and the
    sounds, which are those of auffusion generate. A word is grounded when its map agrees with the
    sound's energy, and by its timing; docs/guides/attention.md explains the scores.
    """
    named = models or ["embedded"]
    # Sounds and rows are named after their models.
    if len({Path(name).name for name in named}) < len(named):
        raise InputError("--model names two models of the same name: give each one once")
    settings = Settings(
        prompt=prompt,
        negative=negative,
        seed=options.chosen_seed(seed),
        steps=steps,
        guidance=guidance,
        length_s=length,
        scheduler=scheduler.value,
        dtype=dtype.value,
    )
    folder = Path(f"{slug(prompt)}_attention") if output is None else output
    check_writable(folder)
    asked: dict[str, Any] = {
        "words": words,
        "by": by.value,
        "places": None if place is None else [one.value for one in place],
        "levels": level,
    }
    watched = [
        _watched(name, settings, asked, device=device.value, download=download) for name in named
    ]
    make_folder(folder)
    _write(folder, watched, settings, scale=scale, side=side)
    for model in watched:
        _report(model, as_json=as_json)
    if not as_json:
        typer.echo(str(folder / "figure.png"))
        typer.echo(str(folder / "page.html"))


def _watched(
    name: str, settings: Settings, asked: dict[str, Any], *, device: str, download: bool
) -> "WatchedModel":
    from auffusion.cli.progress import Display

    display = Display()
    with display.loading(name):
        from auffusion.studio.devices import choose_device
        from auffusion.studio.studio import Studio
        from auffusion.studio.watching import watch
        from auffusion.studio.watching_tango import is_tango, watch_tango

        rival = is_tango(name)
        studio = None if rival else Studio(name, device=device, dtype=settings.dtype)
    with display.bars(1) as bars, bars.sound(settings.prompt, settings.steps) as advance:
        if studio is None:
            place = str(choose_device(device))
            return watch_tango(name, settings, advance, device=place, download=download, **asked)
        return watch(studio, studio.complete(settings), advance, **asked)


def _write(
    folder: Path,
    models: "Sequence[WatchedModel]",
    settings: Settings,
    *,
    scale: MapColours,
    side: int,
) -> None:
    from auffusion.studio.watching import write_all

    told = f"seed {settings.seed}, {settings.steps} steps"
    write_all(folder, models, title=settings.prompt, under=told, scale=scale.value, side=side)


def _report(model: "WatchedModel", *, as_json: bool) -> None:
    for row, scores in zip(model.rows, model.scores, strict=True):
        for word, score in scores.items():
            share = float(row.maps[word].values.mean())
            if as_json:
                told = None if score is None else {**asdict(score), "grounded": score.grounded}
                line = {"row": row.label, "word": word, "mean_share": share, "score": told}
                typer.echo(json.dumps(line))
            else:
                typer.echo(f"{row.label}: {word}: {_told(score)}, mean share {share:.1%}")


def _told(score: "Grounding | None") -> str:
    if score is None:
        return "not scored, for the sound has one level everywhere"
    verdict = "grounded" if score.grounded else "not grounded"
    return f"{verdict}, agreement {score.agreement:+.2f}, p {score.p_value:.3f}"
