"""The command tree of `auffusion edit`."""

import typer

from auffusion.cli.edit.extend import extend
from auffusion.cli.edit.inpaint import inpaint
from auffusion.cli.edit.loop import loop
from auffusion.cli.edit.refine import refine
from auffusion.cli.edit.restyle import restyle
from auffusion.cli.edit.reweight import reweight
from auffusion.cli.edit.swap import swap
from auffusion.cli.edit.upsample import upsample

edit = typer.Typer(help="Edit sounds with words.", no_args_is_help=True, rich_markup_mode=None)
for command in (restyle, inpaint, extend, loop, upsample, swap, refine, reweight):
    edit.command()(command)
