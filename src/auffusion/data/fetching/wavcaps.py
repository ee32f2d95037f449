"""WavCaps from the hub, https://huggingface.co/datasets/cvssp/WavCaps, one source at a time.

Its folders are `json_files/SOURCE`, `json_files/blacklist` and `Zip_files/SOURCE` with one zip,
whole or split (https://github.com/Labbeti/aac-datasets, `datasets/functional/wavcaps.py` of 0.7.0).
Interrupted downloads go on where they stopped. The sounds are unpacked into `sounds/SOURCE`; the
zips stay, and may be deleted then.
"""

from functools import partial
from pathlib import Path
from typing import Any, cast

import huggingface_hub
from huggingface_hub.errors import (
    DryRunError,
    HTTPError,  # pyright: ignore[reportPrivateImportUsage] - httpx or httpx2, as the hub has it
)

from auffusion.data.fetching.request import Count, Fetched, Request
from auffusion.data.fetching.split_zip import unpack_zip
from auffusion.errors import InputError
from auffusion.executor import locked

_REPOSITORY = "cvssp/WavCaps"
_WORKERS = 4
WAVCAPS_FOLDERS = {
    "wavcaps-audioset-sl": "AudioSet_SL",
    "wavcaps-bbc": "BBC_Sound_Effects",
    "wavcaps-freesound": "FreeSound",
    "wavcaps-soundbible": "SoundBible",
}
"""What each data set's folders are called."""


def fetch_wavcaps(request: Request, _count: Count) -> Fetched:
    """Fetch the lists and zips of one source, and unpack them.

    Raises:
        InputError: no connection, or zips that cannot be unpacked here.
    """
    request.check_whole(workers=True)
    request.make_folder()
    name = WAVCAPS_FOLDERS[request.data_set.name]
    with locked(request.folder):
        _download(request, name)
        for archive in _archives(request.folder / "Zip_files" / name):
            unpack_zip(archive, request.folder / "sounds" / archive.stem)
    return Fetched(source=request.folder, told=f"{request.data_set.title} is in {request.folder}")


def _download(request: Request, name: str) -> None:
    # The hub's own annotations leave much unknown.
    download = partial(
        cast("Any", huggingface_hub.snapshot_download),
        _REPOSITORY,
        repo_type="dataset",
        local_dir=request.folder,
        allow_patterns=[f"json_files/{name}/*", "json_files/blacklist/*", f"Zip_files/{name}/*"],
        max_workers=request.workers or _WORKERS,
    )
    try:
        # Asked first: without a connection a download takes an existing folder for a whole one.
        download(dry_run=True)
        download()
    except (DryRunError, HTTPError, OSError) as error:
        first = error.__cause__ or error
        raise InputError(
            f"{_REPOSITORY} could not be fetched from the hub ({type(first).__name__}): check the "
            "connection and HF_HUB_OFFLINE, and run the command again, which goes on where it "
            "stopped"
        ) from error


def _archives(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.zip"))
    if not found:
        raise InputError(
            f"{folder} holds no zip: the data set on the hub has changed; see "
            f"https://huggingface.co/datasets/{_REPOSITORY}"
        )
    return found
