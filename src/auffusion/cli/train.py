"""`auffusion train`: every part that the paper trained, and what its users ask for besides."""

from pathlib import Path
from typing import Annotated

import typer

from auffusion.cli.choices import Device, Trained
from auffusion.cli.options import OnDevice


def train(
    kind: Annotated[Trained, typer.Argument(help="What is trained.")],
    config: Annotated[
        Path | None,
        typer.Argument(
            help="A TOML file (see --show), or a shipped recipe: auffusion-full, clap, lora, …",
            metavar="CONFIG",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new folder, or a begun one.", metavar="DIR"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="A change, such as loop.batch=4.", metavar="NAME=VALUE"),
    ] = None,
    device: OnDevice = Device.AUTO,
    show: Annotated[
        bool, typer.Option("--show", help="Print a commented configuration and leave.")
    ] = False,
) -> None:
    """Train a model, or go on where an earlier run of the folder stopped.

    Under `torchrun` or `accelerate launch` all processes work as one. Ctrl-C and SIGTERM finish the
    step, save and leave with status 75: the same command goes on. The finished model stands in
    OUTPUT/model, sounds in OUTPUT/sounds, the log in OUTPUT/log.jsonl.
    """
    from transformers.utils import logging

    from auffusion.cli.training_display import watched
    from auffusion.config import config_text, read_config
    from auffusion.errors import InputError
    from auffusion.recipes.training_recipes import find_recipe
    from auffusion.studio.devices import choose_device
    from auffusion.train.kinds import KINDS
    from auffusion.train.loop import Ending
    from auffusion.train.stopping import STOPPED

    chosen = KINDS[kind.value]
    if show:
        typer.echo(config_text(chosen.config), nl=False)
        return
    logging.disable_progress_bar()  # it would draw one for each file that is saved
    if output is None:
        raise InputError("name a folder for the run: --output DIR")
    recipe = None if config is None else find_recipe(config)
    settings = read_config(chosen.config, recipe, changes or ())
    ending = watched(chosen, settings, output, str(choose_device(device.value)))
    if ending is Ending.STOPPED:
        raise typer.Exit(STOPPED)
    typer.echo(str(output / "model"))
