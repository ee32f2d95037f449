"""Clotho and MACS by aac-datasets, https://github.com/Labbeti/aac-datasets.

Verified in the sources of aac-datasets 0.7.0 (`datasets/functional/clotho.py`, `macs.py`):
`download_clotho_dataset(root, subset, ..., version=)` leaves in `ROOT/CLOTHO_v2.1` the folders
`clotho_csv_files` and `clotho_audio_files/{development,validation,evaluation}`;
`download_macs_dataset(root)` leaves `ROOT/MACS/MACS.yaml` and `ROOT/MACS/audio/*.wav`, out of those
archives of TAU Urban Acoustic Scenes 2019 that hold any of them. Both check MD5 sums, keep what is
there, and need the root to exist.

Archives stay (`clean_archives=False`), since both would fetch deleted ones again.
"""

import zipfile
from collections.abc import Callable
from importlib import import_module
from typing import Any

from auffusion.data.fetching.request import Count, Fetched, Request
from auffusion.errors import InputError
from auffusion.executor import locked

_CLOTHO_VERSION = "v2.1"
_CLOTHO_SUBSETS = ("dev", "val", "eval")


def fetch_clotho(request: Request, _count: Count) -> Fetched:
    """Fetch and unpack Clotho v2.1.

    Raises:
        InputError: aac-datasets is not installed or could not fetch a file.
    """
    request.check_whole()
    download = _module("clotho").download_clotho_dataset
    request.make_folder()
    with locked(request.folder):
        for subset in _CLOTHO_SUBSETS:
            _call(request, download, subset=subset, version=_CLOTHO_VERSION)
    return _fetched(request, f"CLOTHO_{_CLOTHO_VERSION}")


def fetch_macs(request: Request, _count: Count) -> Fetched:
    """Fetch MACS and its sounds.

    Raises:
        InputError: aac-datasets is not installed or could not fetch a file.
    """
    request.check_whole()
    download = _module("macs").download_macs_dataset
    request.make_folder()
    with locked(request.folder):
        _call(request, download, subset="full")
    return _fetched(request, "MACS")


def _call(request: Request, download: Callable[..., None], **given: str) -> None:
    try:
        download(root=str(request.folder), verbose=1, clean_archives=False, **given)
    except (OSError, RuntimeError, AssertionError, zipfile.BadZipFile) as error:
        raise InputError(
            f"aac-datasets could not fetch {request.data_set.name} ({error or 'it is not whole'}): "
            "delete the archive that it complains of, if any, and run the command again"
        ) from error


def _fetched(request: Request, folder: str) -> Fetched:
    source = request.folder / folder
    return Fetched(source=source, told=f"{request.data_set.title} is in {source}")


def _module(name: str) -> Any:  # noqa: ANN401 - an optional package
    try:
        return import_module(f"aac_datasets.datasets.functional.{name}")
    except ImportError as error:
        raise InputError(
            "fetching this data set needs aac-datasets, which is not installed: pip install "
            "aac-datasets"
        ) from error
