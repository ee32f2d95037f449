"""`auffusion model`: which models there are, what they hold, and their formats."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from auffusion.errors import InputError

models = typer.Typer(help="Models: list, info, convert.", no_args_is_help=True)

PUBLISHED = (
    "auffusion/auffusion",
    "auffusion/auffusion-full",
    "auffusion/auffusion-full-no-adapter",
)
"""The checkpoints of the paper's authors on the hub (CC BY-NC-SA 4.0)."""


class Layout(StrEnum):
    """How a model's folder is laid out."""

    AUFFUSION = "auffusion"
    PUBLISHED = "published"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@models.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that have a name, and whether they are on this machine."""
    found = [{"name": name, "here": here} for name, here in _named_models()]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for model in found:
        typer.echo(f"{model['name']:<38}{'here' if model['here'] else 'not here'}")
    typer.echo("and every folder or repository on the hub that is laid out like one of these")


def _named_models() -> list[tuple[str, bool]]:
    from huggingface_hub import try_to_load_from_cache

    # The one file that each of them has.
    kept = [try_to_load_from_cache(name, "vocoder/config.json") for name in PUBLISHED]
    downloaded = zip(PUBLISHED, (isinstance(path, str) for path in kept), strict=True)
    return [("embedded", _has_embedded()), *downloaded]


def _has_embedded() -> bool:
    from auffusion.models import embedded_model

    try:
        embedded_model()
    except InputError:
        return False
    return True


@models.command()
def info(
    model: Annotated[str, typer.Argument(help="'embedded', a model folder or a hub id.")],
    as_json: AsJson = False,
) -> None:
    """Show a model's parts, sizes, defaults and identity.

    The identity is a SHA-256 of everything that makes its sound; every generated file carries it.
    """
    from auffusion.cli.progress import Display

    with Display().loading(model):
        from auffusion.studio.studio import Studio

        studio = Studio(model, device="cpu")
    facts: dict[str, Any] = _facts(studio.pipeline) | {"identity": studio.identity}
    if as_json:
        typer.echo(json.dumps({"name": model, **facts}))
        return
    typer.echo(model)
    for part, parameters in facts.pop("parts").items():
        typer.echo(f"  {part:<42}{parameters:>14,} parameters")
    for name, fact in facts.items():
        typer.echo(f"  {name.replace('_', ' '):<18}{fact}")


def _facts(pipeline: Any) -> dict[str, Any]:  # noqa: ANN401
    config = pipeline.config
    parts = {
        f"{name} ({type(part).__name__})": sum(weight.numel() for weight in part.parameters())
        for name, part in sorted(pipeline.components.items())
        if hasattr(part, "parameters")
    }
    return {
        "parts": parts,
        "sample_rate_hz": pipeline.mel.sample_rate,
        "window_s": pipeline.canvas.samples(None) / pipeline.mel.sample_rate,
        "guidance": config.default_guidance,
        "text_convention": config.text_convention,
        "text_tokens": config.text_max_length,
        "picture_scale": config.image_scale["kind"],
    }


@models.command()
def convert(
    source: Annotated[str, typer.Argument(help="'embedded', a model folder or a hub id.")],
    target: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    to: Annotated[
        Layout,
        typer.Option(
            help="auffusion: ours, safetensors throughout; published: as the paper's authors "
            "laid theirs out."
        ),
    ] = Layout.AUFFUSION,
    vocoder: Annotated[
        Path | None,
        typer.Option(help="A vocoder's folder, for a model without one.", metavar="FOLDER"),
    ] = None,
) -> None:
    """Write a model to a new folder in another layout; the weights stay the same."""
    from auffusion.cli.progress import Display

    with Display().loading(source):
        from transformers.utils import logging

        from auffusion.pipeline import convert_checkpoint

        logging.disable_progress_bar()  # it would draw one for each file, however small
        folder = convert_checkpoint(source, target, to.value, vocoder=vocoder)
    typer.echo(str(folder))
