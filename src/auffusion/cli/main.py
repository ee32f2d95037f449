"""The command tree, and how it ends: a sentence for bad input, a traceback for a bug of ours."""

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from auffusion.cli.attention import attention
from auffusion.cli.baseline import baseline
from auffusion.cli.compare import compare
from auffusion.cli.data import data
from auffusion.cli.edit.app import edit
from auffusion.cli.evaluate import evaluate
from auffusion.cli.generate import generate
from auffusion.cli.models import models
from auffusion.cli.recipe import recipe
from auffusion.cli.regenerate import regenerate
from auffusion.cli.train import train
from auffusion.cli.vocode import vocode
from auffusion.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130

# typer carries its own copy of click since 0.26 and shows only this one of its errors; their
# common base is what both copies raise for a wrong command line.
_WrongCommandLine: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="auffusion",
    help="A sentence becomes a sound.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing rich would take longer than all the rest
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(generate)
app.command()(regenerate)
app.command()(vocode)
app.command()(train)
app.command()(attention)
app.command()(evaluate)
app.command()(compare)
app.add_typer(edit, name="edit")
app.add_typer(models, name="model")
app.add_typer(data, name="data")
app.add_typer(baseline, name="baseline")
app.add_typer(recipe, name="recipe")


def _show_version(wanted: bool | None) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"auffusion {version('auffusion')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool | None,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = None,
) -> None:
    """A sentence becomes a sound.

    Each command explains itself: auffusion generate --help
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 is success, 1 a difference that `regenerate` found, 2 bad input (told in one sentence on
    stderr), 130 an interruption. A bug of ours keeps its traceback.

    Args:
        argv: the words after `auffusion`; None takes those of the process.
    """
    with warnings.catch_warnings():
        _tell_warnings_plainly()
        status = _run(list(sys.argv[1:] if argv is None else argv))
    if status == INTERRUPTED:
        _tell("interrupted")
    return status


def _run(argv: list[str]) -> int:
    try:
        return app(argv, prog_name="auffusion", standalone_mode=False) or 0
    except InputError as error:
        _tell(str(error))
    except _WrongCommandLine as error:
        _tell(error.format_message() or "a command is missing, see auffusion --help")
    except OSError as error:
        # What no border turned into a sentence of its own: the disk or the terminal went away.
        place = f"{error.filename}: " if error.filename else ""
        _tell(f"{place}{error.strerror or error}")
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return BAD_INPUT


def _tell(sentence: str) -> None:
    # A name on disk may hold bytes that are no letters.
    printable = sentence.encode("utf-8", "backslashreplace").decode()
    print(f"auffusion: {' '.join(printable.split())}", file=sys.stderr)


def _tell_warnings_plainly() -> None:
    # Ours are meant for the user; those about other people's future APIs are not.
    warnings.simplefilter("ignore")
    warnings.simplefilter("default", UserWarning)

    def show(message: Warning | str, *_rest: Any, **_more: Any) -> None:  # noqa: ANN401
        _tell(f"warning: {message}")

    warnings.showwarning = show
