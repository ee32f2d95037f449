"""Which data set is fetched by what."""

from auffusion.data.catalogue import find_data_set
from auffusion.data.fetching.request import Fetcher
from auffusion.data.fetching.wavcaps import WAVCAPS_FOLDERS, fetch_wavcaps
from auffusion.data.fetching.with_aac_datasets import fetch_clotho, fetch_macs
from auffusion.data.fetching.with_soundata import fetch_with_soundata
from auffusion.data.fetching.youtube import fetch_youtube
from auffusion.errors import InputError

FETCHERS: dict[str, Fetcher] = {
    "audiocaps": fetch_youtube,
    "audiocaps-v2": fetch_youtube,
    "vggsound": fetch_youtube,
    "esc50": fetch_with_soundata,
    "urbansound8k": fetch_with_soundata,
    "fsd50k": fetch_with_soundata,
    "clotho": fetch_clotho,
    "macs": fetch_macs,
    **dict.fromkeys(WAVCAPS_FOLDERS, fetch_wavcaps),
}
"""By the data set's name."""


def find_fetcher(name: str) -> Fetcher:
    """What fetches a data set.

    Raises:
        InputError: there is no such data set, or nothing that fetches it: then the sentence says
            where it is published and what the preparer expects.
    """
    data_set = find_data_set(name)
    if name in FETCHERS:
        return FETCHERS[name]
    place = f" from {data_set.homepage}" if data_set.homepage else ""
    raise InputError(
        f"nothing here fetches {name}: get it{place} yourself, so that the --source of auffusion "
        f"data prepare {name} holds {data_set.layout}"
    )
