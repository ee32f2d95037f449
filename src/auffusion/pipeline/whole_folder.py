"""A folder that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from auffusion.errors import InputError


@contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """A new folder to write into, which becomes `target` when the block ends well.

    Whatever goes wrong inside, nothing is left behind and `target` is as it was.

    Raises:
        InputError: `target` exists and is not an empty folder, or cannot be written.
    """
    _check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _not_written(target, error) from error
    try:
        yield work
        _settle(work)
        # On the same disk, a rename is one step; an empty folder in its place gives way.
        work.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_target(target: Path) -> None:
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.exists() or target.is_symlink():
        raise InputError(f"'{target}' exists already: choose a new folder to write to")


def _settle(folder: Path) -> None:
    """Every file on the disk before the name changes, and readable as new files usually are."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _not_written(target: Path, error: OSError) -> InputError:
    return InputError(f"'{target}' cannot be written ({error.strerror or error})")
