"""The file side of units: outputs that are whole or not there, in a folder of one run at a time."""

import errno
import hashlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from auffusion.errors import InputError
from auffusion.files import write_file

if sys.platform != "win32":
    import fcntl

LOCK_NAME = ".auffusion.lock"
"""Stays in the folder: a lock that is removed could be held twice."""


def write_output(path: str | Path, data: bytes) -> str:
    """Write a unit's output, whole or not at all, and give its SHA-256 in hexadecimal.

    Raises:
        InputError: it cannot be written.
    """
    write_file(path, data)
    return hashlib.sha256(data).hexdigest()


def is_output(path: str | Path, sha256: str) -> bool:
    """Whether the output is there and has that hash, so that its unit may be skipped."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def sweep(folder: str | Path) -> int:
    """Remove what writers killed in this folder have left, and give how many files.

    Only under the folder's lock: the temporary file of a living writer looks the same.
    """
    left = [path for path in Path(folder).glob(".auffusion-*.tmp") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def locked(folder: str | Path) -> Generator[None]:
    """Be the only run that writes to a folder; the lock ends with the process, however it ends.

    On Windows there is no lock.

    Raises:
        InputError: another run has it, or no lock file can be made there.
    """
    if sys.platform == "win32":
        yield
        return
    path = Path(folder) / LOCK_NAME
    try:
        file = path.open("ab")
    except OSError as error:
        raise InputError(
            f"cannot write to {folder}: {error.strerror or error}; name a folder to write to"
        ) from error
    with file:
        _lock(file.fileno(), folder)
        yield


def _lock(handle: int, folder: str | Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise InputError(
                f"another run is writing to {folder}; let it end, or name another folder"
            ) from error
        raise InputError(
            f"cannot lock {folder}: {error.strerror or error}; name a folder on a disk with locks"
        ) from error
