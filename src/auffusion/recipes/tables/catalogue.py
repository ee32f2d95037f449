"""The tables and figures that ship, by name."""

from collections.abc import Sequence
from pathlib import Path

from auffusion.config import read_toml
from auffusion.errors import InputError
from auffusion.recipes.tables.recipe import TableRecipe, read_table

_FOLDER = Path(__file__).parent
FIGURE = "attention"
"""The `kind` of a recipe that is a figure of attention."""


def shipped_tables() -> dict[str, Path]:
    """Their files by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def find_table(given: str) -> Path:
    """The file of a recipe: a shipped one by its name, or a file of one's own.

    Raises:
        InputError: there is neither.
    """
    known = shipped_tables()
    if given in known:
        return known[given]
    path = Path(given)
    if path.suffix == ".toml" and path.is_file():
        return path
    raise InputError(
        f"there is no recipe {given!r}: choose of {', '.join(known)}, or name a .toml file"
    )


def kind_of(path: Path) -> str:
    """What a recipe's file makes.

    Raises:
        InputError: it cannot be read.
    """
    return str(read_toml(path).get("kind", "scores"))


def read_shipped(name: str, changes: Sequence[str] = ()) -> TableRecipe:
    """A table by name.

    Raises:
        InputError: there is none, or what it says cannot be.
    """
    return read_table(find_table(name), changes)
