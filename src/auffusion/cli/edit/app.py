"""The command tree of `auffusion edit`."""

import typer

from auffusion.cli.edit.refine import refine
from auffusion.cli.edit.restyle import restyle
from auffusion.cli.edit.reweight import reweight
from auffusion.cli.edit.swap import swap

edit = typer.Typer(help="Edit sounds with words.", no_args_is_help=True, rich_markup_mode=None)
edit.command()(restyle)
edit.command()(swap)
edit.command()(refine)
edit.command()(reweight)
