"""Folders that are whole or not there, as `auffusion.files` does for single files."""

import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from auffusion.errors import InputError
from auffusion.files import sync_to_disk


@contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """A folder to write into, which takes its name when all of it is on the disk.

    One that was there gives way at the end; a failure leaves it.

    Raises:
        InputError: the disk is full, or may not be written to.
    """
    partial = target.parent / f".auffusion-{secrets.token_hex(8)}.tmp"
    try:
        partial.mkdir(parents=True)
        yield partial
        for path in (*partial.rglob("*"), partial):
            sync_to_disk(path)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        sync_to_disk(target.parent)
    # Weights are written by safetensors, whose errors of the disk are of its own kind.
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"cannot write {target} ({error}): make room and give the same command again, the run "
            "goes on from its last checkpoint"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sweep_folders(parent: Path) -> None:
    """Remove what writers that were killed have left; only while no other writes there."""
    for leftover in parent.glob(".auffusion-*.tmp"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
