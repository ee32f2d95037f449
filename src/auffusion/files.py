"""Files that are whole or not there."""

import errno
import os
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from auffusion.errors import InputError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would exceed the size limit",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "its folder is not a folder",
    errno.EACCES: "its folder may not be written to",
    errno.EPERM: "its folder may not be written to",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "its name is too long",
}


def write_file(path: str | Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it, and a failure leaves what was there.

    Raises:
        InputError: the file cannot be written; the sentence names it and the reason.
    """
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: str | Path) -> Generator[BinaryIO]:
    """A file to write in pieces, of which nobody ever sees half; a failure leaves what was there.

    The bytes go to a temporary file beside it, which takes the name when all is on the disk.

    Raises:
        InputError: the file cannot be written; the sentence names it and the reason.
    """
    path = Path(path)
    try:
        # Renaming over a device would replace the device.
        if path.exists() and not path.is_file():
            raise InputError(f"cannot write {path}: it is a folder or a device; name a file")
        with _replacing(path) as file:
            yield file
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {path}: {_reason(error)}") from error


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return _REASONS.get(error.errno or 0, error.strerror or str(error))
    return str(error)  # a NUL in the name


@contextmanager
def _replacing(path: Path) -> Generator[BinaryIO]:
    # Not derived from the name, which may already be as long as a name can be.
    temporary = path.parent / f".auffusion-{secrets.token_hex(8)}.tmp"
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_to_disk(path.parent)


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    # A rename is on the disk only when its folder is; Windows has no such call.
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_writable(folder: Path) -> None:
    """Find out before the work whether its result can be kept; the folder need not exist yet.

    Raises:
        InputError: the folder, or the nearest one above it that exists, cannot be written to.
    """
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot write to the folder {folder}: {reason}") from error


def make_folder(folder: Path) -> None:
    """Create a folder and those above it.

    Raises:
        InputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"cannot create the folder {folder}: {reason}") from error
