"""ESC-50, UrbanSound8K and FSD50K by soundata, https://github.com/soundata/soundata.

Verified in the sources of soundata 1.0.1 (`soundata/__init__.py`, `core.py`, `download_utils.py`,
`datasets/{esc50,urbansound8k,fsd50k}.py`): `initialize(name, data_home=)` gives a data set whose
`remotes` are its archives by name, and `download(partial_download=[names])` fetches, checks (MD5)
and unpacks them. `unpack_directories` then moves what the archives of ESC-50 and UrbanSound8K hold
up into `data_home`, so that `data_home` is the preparer's source for all three. The index of clips
that it would fetch beside them is not needed here.

The split archives of FSD50K are joined here, as that version cannot on Linux and macOS: it gives
`zip` a list of words together with `shell=True`, and so without any
(https://github.com/soundata/soundata/issues/183, mended in pull request 200, which is in no release
yet). TAU Urban Acoustic Scenes 2019 (`tau2019uas`), which soundata knows, comes with MACS by
`aac-datasets`, and only those of its archives that MACS needs.

Archives stay beside what they held, since soundata would fetch deleted ones again.
"""

import tarfile
import zipfile
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import Any

from auffusion.data.fetching.request import Count, Fetched, Request
from auffusion.data.fetching.split_zip import unpack_zip
from auffusion.errors import InputError
from auffusion.executor import locked

_INDEX = "index"


def fetch_with_soundata(request: Request, _count: Count) -> Fetched:
    """Fetch and unpack a data set's archives.

    Raises:
        InputError: soundata is not installed or could not fetch an archive.
    """
    request.check_whole()
    initialize = _module("soundata").initialize
    download_part = _module("soundata.download_utils").download_from_remote
    request.make_folder()
    folder = request.folder
    with locked(folder):
        try:
            data_set = initialize(request.data_set.name, data_home=str(folder))
            # soundata adds its index to them on the way.
            for name, remote in list(data_set.remotes.items()):
                if isinstance(remote, list):
                    _fetch_split(name, [download_part(one, str(folder), False) for one in remote])  # pyright: ignore[reportUnknownVariableType]
                elif name != _INDEX:
                    data_set.download(partial_download=[name])
        except (OSError, HTTPException, zipfile.BadZipFile, tarfile.TarError) as error:
            raise InputError(
                f"soundata could not fetch {request.data_set.name} ({error}): delete the archive "
                "that it complains of, if any, and run the command again"
            ) from error
    return Fetched(source=folder, told=f"{request.data_set.title} is in {folder}")


def _fetch_split(name: str, parts: list[str]) -> None:
    """Unpack a split archive, whose folder has its name, beside its parts."""
    archive = next(Path(part) for part in parts if part.endswith(".zip"))
    held = archive.parent / name
    if not held.is_dir():
        unpacked = archive.parent / f".{name}"
        unpack_zip(archive, unpacked)
        (unpacked / name).rename(held)
        unpacked.rmdir()


def _module(name: str) -> Any:  # noqa: ANN401 - an optional package
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            "fetching this data set needs soundata, which is not installed: pip install soundata"
        ) from error
