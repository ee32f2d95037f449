"""The sounds in a folder, and the paths that lists give: nothing outside the folder is ever read.

A data set comes out of somebody else's archive. Its lists may name `../../etc/passwd`, addresses
and drives; its links may lead anywhere; its names may be no text at all.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from auffusion.data.listing import Reason, Reject
from auffusion.errors import InputError

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".au"})
"""How the names of sound files end."""

UNREAD_SUFFIXES = frozenset({".aac", ".aif", ".aiff", ".m4a", ".wma"})
"""How the names of sound files end that must be converted first."""

_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST_PART = 255  # bytes, on every usual file system
_LONGEST_PATH = 4096 - 256


def sound_files(
    folder: Path, suffixes: frozenset[str] = SOUND_SUFFIXES, *, root: Path | None = None
) -> Iterator[str | Reject]:
    """The paths of the sounds below a folder, with `/`, folder by folder in order of their names.

    What is no good is told: a link that leads out of the root or nowhere, and a name that is no
    UTF-8. Hidden files and folders, and those of macOS archives, are passed over; linked folders
    inside the root are too, as their sounds are found where they are.

    Args:
        folder: the folder; one that is not there holds nothing.
        suffixes: endings of names, in small letters.
        root: what links may not leave; the folder itself unless said otherwise.

    Raises:
        InputError: a folder may not be read.
    """
    kept_in = (root or folder).resolve()
    for here, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        below = Path(here).relative_to(folder)
        for name in folders:
            path = Path(here, name)
            if path.is_symlink() and not path.resolve().is_relative_to(kept_in):
                yield _bad_path(below / name, "is a link that leads out of the data set")
        for name in sorted(files):
            if not _is_hidden(name) and os.path.splitext(name)[1].lower() in suffixes:  # noqa: PTH122
                yield _checked(folder, below / name, kept_in)


def sound_index(
    folder: Path, key: Callable[[PurePosixPath], str] = lambda path: path.stem
) -> dict[str, str]:
    """Where the sounds below a folder are: key of each file to its path there, with `/`.

    What `sound_files` passes over or tells of is not in it. Of two files with one key the first by
    path stands, so that the index is the same on every machine.

    Args:
        folder: the folder; one that is not there holds nothing.
        key: what a file is looked up by; its name without the ending unless said otherwise.
    """
    index: dict[str, str] = {}
    for found in sorted(one for one in sound_files(folder) if isinstance(one, str)):
        index.setdefault(key(PurePosixPath(found)), found)
    return index


def inside(folder: Path, name: str, *, root: Path | None = None) -> Path | None:
    r"""The file that a list names, or None where the name is no relative path below the folder.

    `\` parts folders as `/` does. Whether the file is there is another question.

    Args:
        folder: what the name is relative to.
        name: as the list gives it.
        root: what links may not leave; the folder itself unless said otherwise.

    >>> inside(Path("set"), "../secret.wav") is None, inside(Path("set"), "http://x/a.wav") is None
    (True, True)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if "\0" in name or "://" in name or _DRIVE.match(name):
        return None
    if path.is_absolute() or not path.parts or ".." in path.parts:
        return None
    try:
        too_long = max(len(os.fsencode(part)) for part in path.parts) > _LONGEST_PART
        if too_long or len(os.fsencode(path)) > _LONGEST_PATH:
            return None
        found = folder.joinpath(*path.parts)
        return found if found.resolve().is_relative_to((root or folder).resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None  # no text, a loop of links


def printable(path: PurePosixPath | Path) -> str:
    r"""A path as text that can be written; bytes that are no UTF-8 are shown as such.

    >>> printable(Path("caf\udce9.wav"))
    'caf\\xe9.wav'
    """
    return os.fsencode(path.as_posix()).decode("utf-8", errors="backslashreplace")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _unreadable(error: OSError) -> None:
    # One that is not there holds nothing.
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error


def _checked(folder: Path, path: Path, kept_in: Path) -> str | Reject:
    found = folder / path
    if not found.exists():
        return _bad_path(path, "is a link that leads nowhere", Reason.MISSING)
    if found.is_symlink() and not found.resolve().is_relative_to(kept_in):
        return _bad_path(path, "is a link that leads out of the data set")
    if printable(path) != path.as_posix():
        return _bad_path(path, "has a name that is not UTF-8: rename it")
    return path.as_posix()


def _bad_path(path: Path, fault: str, reason: Reason = Reason.PATH) -> Reject:
    shown = printable(path)
    return Reject(key=shown, source=shown, reason=reason, detail=f"{shown} {fault}")
