"""The tables and figures that ship, by name."""

from collections.abc import Sequence
from pathlib import Path

from auffusion.config import read_toml
from auffusion.errors import InputError
from auffusion.recipes.tables.attention_figure import FigureRecipe, read_figure
from auffusion.recipes.tables.recipe import TableRecipe, read_table

_FOLDER = Path(__file__).parent


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


def read_recipe(name: str, changes: Sequence[str] = ()) -> TableRecipe | FigureRecipe:
    """A recipe by name, or by its file.

    Args:
        name: of a shipped one, or a `.toml` file.
        changes: such as `system.clap.model=FOLDER`.

    Raises:
        InputError: there is none, or what it says cannot be.
    """
    path = find_table(name)
    is_figure = read_toml(path).get("kind") == "attention"
    return read_figure(path, changes) if is_figure else read_table(path, changes)
