"""WavCaps: 403,050 sounds of four sources, with captions that a language model wrote.

https://huggingface.co/datasets/cvssp/WavCaps holds `json_files/SOURCE/X_final.json` and zips of
FLAC at 32 kHz that unpack to `mnt/fast/nobackup/scratch4weeks/xm00178/WavCaps/data/waveforms/
SOURCE_flac/ID.flac`. Found here are folders `SOURCE_flac` or `SOURCE` wherever they lie. A JSON
file is `{"num_captions_per_audio": 1, "data": [...]}`, FreeSound's of 147 MB, which is read item
by item. Items, as seen in SoundBible's file and, of the others, in examples that code quotes:
- AudioSet_SL, as_final.json (108,317): `id` such as `Yb0RFKhbpFJA.wav` (Y before the YouTube id,
  `.wav` though the file is FLAC), `caption`, `duration`; where in the video is not told;
- BBC_Sound_Effects, bbc_final.json (31,201): `id` such as `NHU05051026`, `caption`, `category`, a
  list written as a text: `"['Nature']"`;
- FreeSound, fsd_final.json (262,300): `id`, Freesound's number, `caption`, `author`, `href`,
  `file_name`, `tags`;
- SoundBible, sb_final.json (1,232): `id`, a number, `caption`, `author`, `href`, `title`.
FreeSound's zips hold 214,208 sounds of the 262,300, SoundBible's 1,320 of 1,232
(https://github.com/XinhaoMei/WavCaps/issues/13): what is listed and not there is a reject, what is
there and not listed is passed over.

Three published blacklists in `json_files/blacklist` name the clips that are in other sets, under
`AudioSet` and `FreeSound` (https://github.com/XinhaoMei/WavCaps/issues/21):
`blacklist_exclude_test_ac.json` those in the validation and test lists of AudioCaps and Clotho,
`..._all_ac.json` those anywhere in them, `..._ub8k_esc50_vggsound.json` those in UrbanSound8K,
ESC-50 and VGGSound. Nothing is dropped here: a clip on the first list is in the split `test` and
so never trained on, all others are in `train`, and `blacklists` in a clip's extra names the lists
it is on. The first list misses 18 of the 975 clips of AudioCaps' test list; by `origin` they
can be told too.

The set is for academic use. Each sound has the terms of its page (`license_url`), BBC's all those
of RemArc.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from auffusion.data.captions import caption_of
from auffusion.data.json_array import json_objects
from auffusion.data.listing import (
    DataSet,
    Extra,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    missing,
)
from auffusion.data.tables import inside
from auffusion.errors import InputError

_JSON = "json_files"
_BLACKLISTS = ("test_ac", "all_ac", "ub8k_esc50_vggsound")
_TESTED = "test_ac"
_EXTRAS = ("title", "file_name", "tags")

Blacklists = Mapping[str, frozenset[str]]
"""Ids by the list they are on."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """How one source's items are to be read."""

    folder: str
    """Its name in the folders."""
    listing: str
    """Its list."""
    id: re.Pattern[str]
    """What its ids look like; the first group is the file's name."""
    blacklist: str = ""
    """Its name in the blacklists; empty where it has none."""
    origin: str = ""
    """What comes before an id as an origin; empty where that says nothing."""
    license: str = "unknown"
    pages: str = ""
    """Where its sounds' pages are, before `href`; or the page of the licence that all have."""
    href: re.Pattern[str] | None = None
    """What an address within its pages looks like."""
    author: str = ""
    """Of all its sounds, where there is but one."""


_AUDIOSET_SL = _Source(
    folder="AudioSet_SL",
    listing="as_final.json",
    id=re.compile(r"(Y([A-Za-z0-9_-]{11}))\.wav"),
    blacklist="AudioSet",
    origin="youtube:",
)
_BBC = _Source(
    folder="BBC_Sound_Effects",
    listing="bbc_final.json",
    id=re.compile(r"(([A-Za-z0-9_-]{1,40}))"),
    license="LicenseRef-RemArc",
    pages="https://sound-effects.bbcrewind.co.uk/licensing",
    author="BBC",
)
_FREESOUND = _Source(
    folder="FreeSound",
    listing="fsd_final.json",
    id=re.compile(r"(([0-9]{1,12}))"),
    blacklist="FreeSound",
    origin="freesound:",
    pages="https://freesound.org",
    href=re.compile(r"/people/[^/\s]+/sounds/[0-9]+/"),
)
_SOUNDBIBLE = _Source(
    folder="SoundBible",
    listing="sb_final.json",
    id=re.compile(r"(([0-9]{1,12}))"),
    pages="http://soundbible.com/",
    href=re.compile(r"[^/\s]+\.html"),
)


def _read(source: Path, _work: Path, of: _Source) -> Listing:
    path = source / _JSON / of.folder / of.listing
    if not path.is_file():
        raise InputError(
            f"{source} holds no {_JSON}/{of.folder}/{of.listing}: fetch it from "
            "https://huggingface.co/datasets/cvssp/WavCaps"
        )
    blacklists = _blacklists(source, of)
    folders = _sound_folders(source, of)
    for row in json_objects(path, "data"):
        yield row if isinstance(row, Reject) else _listed(source, of, folders, blacklists, *row)


def _sound_folders(source: Path, of: _Source) -> list[str]:
    """The folders that may hold the source's sounds, below the data set's; the surest first."""
    names = {of.folder, f"{of.folder}_flac"}
    found = [
        Path(parent, name).relative_to(source).as_posix()
        for parent, folders, _ in os.walk(source)
        for name in folders
        if name in names
    ]
    found = [
        folder
        for folder in sorted(found, key=lambda name: (not name.endswith("_flac"), name))
        if not folder.startswith(f"{_JSON}/") and inside(source, folder) is not None
    ]
    if not found:
        raise InputError(
            f"{source} holds no folder {of.folder}_flac: unpack the sounds of "
            f"Zip_files/{of.folder} there"
        )
    return found


def _blacklists(source: Path, of: _Source) -> Blacklists:
    """The source's part of each blacklist."""
    if not of.blacklist:
        return {}
    folder = source / _JSON / "blacklist"
    return {
        name: _blacklist(folder / f"blacklist_exclude_{name}.json", of.blacklist)
        for name in _BLACKLISTS
    }


def _blacklist(path: Path, member: str) -> frozenset[str]:
    try:
        return frozenset(str(one) for one in json.loads(path.read_bytes())[member])
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; fetch it from "
            "https://huggingface.co/datasets/cvssp/WavCaps, or test clips would be trained on"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} holds no list {member!r} of ids: is it the published file?"
        ) from error


def _listed(
    source: Path,
    of: _Source,
    folders: list[str],
    blacklists: Blacklists,
    place: str,
    item: dict[str, Any],
) -> Listed | Reject:
    name = str(item.get("id", ""))
    known = of.id.fullmatch(name)
    if known is None:
        return _left_out(place, Reason.ROW, f"its id {name[:80]!r} is none of {of.folder}")
    key = clip_key(known[1])
    caption = caption_of(item.get("caption"))
    if not caption:
        return _left_out(key, Reason.CAPTION, "it has no caption")
    found = _found(source, folders, f"{known[1]}.flac")
    if found is None:
        return missing(key, f"{folders[0]}/{known[1]}.flac", "the published zips are not whole")
    listed_in = [on for on in _BLACKLISTS if name in blacklists.get(on, ())]
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=(caption,),
        split="test" if _TESTED in listed_in else "train",
        labels=_labels(item),
        origin=f"{of.origin}{known[2]}" if of.origin else "",
        license=of.license,
        license_url=_page(of, item),
        author=of.author or str(item.get("author") or ""),
        extra=_extra(item, listed_in),
    )


def _found(source: Path, folders: list[str], name: str) -> str | None:
    for folder in folders:
        path = source / folder / name
        # Only a link can lead out here; to resolve each of 262,300 paths takes a minute.
        if path.is_file() and (not path.is_symlink() or inside(source, f"{folder}/{name}")):
            return f"{folder}/{name}"
    return None


def _labels(item: dict[str, Any]) -> tuple[str, ...]:
    category = item.get("category")
    return tuple(re.findall(r"'([^']+)'", category)) if isinstance(category, str) else ()


def _page(of: _Source, item: dict[str, Any]) -> str:
    if of.href is None:
        return of.pages
    href = str(item.get("href", ""))
    return f"{of.pages}{href}" if of.href.fullmatch(href) else ""


def _extra(item: dict[str, Any], listed_in: list[str]) -> Extra:
    extra: Extra = {}
    for name in _EXTRAS:
        value = item.get(name)
        if isinstance(value, list):
            value = "; ".join(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, str) and value:
            extra[name] = value
    if listed_in:
        extra["blacklists"] = " ".join(listed_in)
    return extra


def _left_out(key: str, reason: Reason, fault: str) -> Reject:
    return Reject(key=key, source="", reason=reason, detail=f"{key} was left out: {fault}")


def _data_set(of: _Source, name: str, count: str) -> DataSet:
    blacklists = f" and {_JSON}/blacklist/*.json" if of.blacklist else ""
    return DataSet(
        name=name,
        title=f"WavCaps ({of.folder})",
        about=f"{count} sounds of {of.folder} with one caption each, written by a language model.",
        homepage="https://huggingface.co/datasets/cvssp/WavCaps",
        license="academic use only; the sounds have their own",
        layout=(
            f"{_JSON}/{of.folder}/{of.listing}{blacklists}, and a folder {of.folder}_flac or "
            f"{of.folder} of ID.flac, wherever it lies"
        ),
        read=partial(_read, of=of),
    )


WAVCAPS_AUDIOSET_SL = _data_set(_AUDIOSET_SL, "wavcaps-audioset-sl", "108,317")
WAVCAPS_BBC = _data_set(_BBC, "wavcaps-bbc", "31,201")
WAVCAPS_FREESOUND = _data_set(_FREESOUND, "wavcaps-freesound", "262,300")
WAVCAPS_SOUNDBIBLE = _data_set(_SOUNDBIBLE, "wavcaps-soundbible", "1,232")
