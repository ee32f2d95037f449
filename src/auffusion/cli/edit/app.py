"""The command tree of `auffusion edit`."""

import typer

from auffusion.cli.edit.restyle import restyle

edit = typer.Typer(help="Edit sounds with words.", no_args_is_help=True, rich_markup_mode=None)
edit.command()(restyle)
