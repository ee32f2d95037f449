"""The configurations that ship: every row of the paper that is trained, and good starts besides."""

from pathlib import Path

from auffusion.errors import InputError

FOLDER = Path(__file__).with_name("training")


def shipped_recipes() -> dict[str, Path]:
    """Their files by name."""
    paths = sorted(FOLDER.glob("*.toml"), key=lambda path: path.stem)
    return {path.stem: path for path in paths}


def find_recipe(given: Path) -> Path:
    """A configuration's file: the one that is named, or a shipped one of that name.

    Raises:
        InputError: there is neither.
    """
    known = shipped_recipes()
    if given.is_file():
        return given
    if str(given) in known:
        return known[str(given)]
    raise InputError(f"there is no file {given}, and no recipe of that name: {', '.join(known)}")
