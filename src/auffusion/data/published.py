"""Where the published files of a data set are: mirrors keep their names and change the folders."""

from collections.abc import Iterable
from pathlib import Path

from auffusion.errors import InputError


def find_published(source: Path, names: Iterable[str], layout: str) -> Path:
    """The first of these files and folders that is there; `.` is the source folder itself.

    Args:
        source: the data set's folder.
        names: relative paths, the publishers' own first.
        layout: what the folder should hold, for the message.

    Raises:
        InputError: none of them is there.
    """
    names = tuple(names)
    for name in names:
        if (source / name).exists():
            return source / name
    raise InputError(f"{source} holds no {' and no '.join(names)}; expected there: {layout}")


def find_optional(source: Path, names: Iterable[str]) -> Path | None:
    """As `find_published`, or None where none is there."""
    return next((source / name for name in names if (source / name).exists()), None)
