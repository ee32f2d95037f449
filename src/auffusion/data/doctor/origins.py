"""Where a recording was first published, out of the many ways in which lists write it."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from auffusion.data.folders import SOUND_SUFFIXES

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_FREESOUND_NUMBER = re.compile(r"[0-9]{1,8}")
_COLUMNS = {"youtube_id": "youtube", "ytid": "youtube", "freesound_id": "freesound"}

ID_COLUMNS = tuple(_COLUMNS)
"""Columns that name a recording at its publisher."""

_LONGEST = 200


def row_origin(row: Mapping[str, object]) -> str:
    """The origin that a row states; empty where it states none.

    >>> row_origin({"youtube_id": "rqu8iB22I_Y"}), row_origin({"origin": "freesound:17"})
    ('youtube:rqu8iB22I_Y', 'freesound:17')
    """
    told = row.get("origin")
    if isinstance(told, str) and told.strip():
        return told.strip()[:_LONGEST]
    for column, publisher in _COLUMNS.items():
        value = row.get(column)
        if isinstance(value, str | int) and str(value).strip():
            return f"{publisher}:{str(value).strip()[:_LONGEST]}"
    return ""


def origin_of_id(text: str) -> str:
    """The origin that an id of a plain list is of; empty where it looks like none.

    AudioSet's ids have eleven characters, with a `Y` before them in WavCaps and in PANNs' files;
    Freesound's are numbers.

    >>> origin_of_id("Yrqu8iB22I_Y.wav"), origin_of_id("100032"), origin_of_id("NHU05051026.flac")
    ('youtube:rqu8iB22I_Y', 'freesound:100032', 'youtube:NHU05051026')
    >>> origin_of_id("rain-12")
    ''
    """
    name = without_suffix(text)
    if name.startswith(("youtube:", "freesound:")):
        return name[:_LONGEST]
    if _FREESOUND_NUMBER.fullmatch(name):
        return f"freesound:{name}"
    if name.startswith("Y") and _YOUTUBE_ID.fullmatch(name[1:]):
        return f"youtube:{name[1:]}"
    return f"youtube:{name}" if _YOUTUBE_ID.fullmatch(name) else ""


def without_suffix(text: str) -> str:
    """An id without the ending of a sound file.

    >>> without_suffix(" a.b.wav "), without_suffix("a.b")
    ('a.b', 'a.b')
    """
    name = text.strip()
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SOUND_SUFFIXES else name
