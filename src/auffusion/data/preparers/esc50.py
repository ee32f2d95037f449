r"""ESC-50: 2,000 environmental sounds of five seconds, 40 to each of 50 classes.

Published at https://github.com/karolpiczak/ESC-50 (one zip): `audio/{FOLD}-{CLIP_ID}-{TAKE}-
{TARGET}.wav`, 44.1 kHz mono PCM, and `meta/esc50.csv` with the columns `filename, fold, target,
category, esc10, src_file, take`; CLIP_ID and `src_file` are the number at Freesound. Kaggle's copy
has `esc50.csv` beside the audio folders; sounds are found by name in any folder.

The five folds keep the takes of one recording together and are meant for cross-validation; there
is no test split. All clips are for training here, and the fold is in `extra`.

The set as a whole is CC-BY-NC 3.0, its ESC-10 part (column `esc10`) CC-BY 3.0. `LICENSE` names
for each clip the title, the author and the licence it came under at Freesound, in lines such as
`- [1-100032-A.ogg]: clip derived from TITLE (http://www.freesound.org/people/nfrae/sounds/100032/)
by nfrae [CC0]`, with letters outside ASCII as `\xe5`. It gives no versions: those are taken that
Freesound offered when the set was made (2015). Some clips are shorter than five seconds and filled
with digital silence, and some have been band-limited before upload (README, Caveats).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from auffusion.data.label_captions import captions_of
from auffusion.data.licences import license_at
from auffusion.data.listing import (
    DataSet,
    Extra,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    left_out,
    missing,
)
from auffusion.data.published import find_optional, find_published
from auffusion.data.tables import csv_rows, inside, sound_index
from auffusion.errors import InputError

_COLUMNS = ("filename", "fold", "category", "esc10", "src_file", "take")
_LAYOUT = "meta/esc50.csv, audio/*.wav and LICENSE of https://github.com/karolpiczak/ESC-50"
_CREDIT = re.compile(
    r"- \[(?P<clip>[^]-]+-[^]-]+-[A-Z])[^]]*\]:\s+clip derived from (?P<title>.*) "
    r"\(https?://[^()\s]*freesound\.org/people/[^()\s]*\) by (?P<author>.*) \[(?P<kind>[^]]+)\]\s*"
)
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_CREATIVE_COMMONS = "http://creativecommons.org/"
_LICENSES = {
    "CC0": f"{_CREATIVE_COMMONS}publicdomain/zero/1.0/",
    "CC-BY": f"{_CREATIVE_COMMONS}licenses/by/3.0/",
    "CC-BY-NC": f"{_CREATIVE_COMMONS}licenses/by-nc/3.0/",
    "CC-Sampling+": f"{_CREATIVE_COMMONS}licenses/sampling+/1.0/",
}


@dataclass(frozen=True, kw_only=True)
class _Credit:
    """What LICENSE says of a clip."""

    title: str = ""
    author: str = ""
    license_url: str


def _read(source: Path, _work: Path) -> Listing:
    table = find_published(source, ("meta/esc50.csv", "esc50.csv"), _LAYOUT)
    credits_file = find_optional(source, ("LICENSE", "LICENSE.txt"))
    credits_by_clip = dict(_credits(credits_file)) if credits_file else {}
    sounds = sound_index(source)
    for row in csv_rows(table, _COLUMNS):
        yield row if isinstance(row, Reject) else _clip(source, sounds, credits_by_clip, *row)


def _credits(path: Path) -> Iterator[tuple[str, _Credit]]:
    """The clips that the licence file names, without the ending: `1-100032-A`."""
    text = path.read_text(encoding="utf-8", errors="backslashreplace")
    for found in filter(None, map(_CREDIT.fullmatch, text.splitlines())):
        if found["kind"] in _LICENSES:
            yield (
                found["clip"],
                _Credit(
                    title=_unescaped(found["title"]),
                    author=_unescaped(found["author"]),
                    license_url=_LICENSES[found["kind"]],
                ),
            )


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _clip(
    source: Path,
    sounds: Mapping[str, str],
    credits_by_clip: Mapping[str, _Credit],
    place: str,
    cells: Mapping[str, str],
) -> Listed | Reject:
    name, label = cells["filename"], cells["category"]
    path = inside(source, name)
    if path is None:
        return left_out(place, Reason.PATH, f"{name!r} is no file name", source=name)
    if not cells["fold"].isdecimal():
        return left_out(place, Reason.ROW, f"its fold is {cells['fold']!r}", source=name)
    try:
        captions = captions_of("esc50", label)
    except InputError as error:
        return left_out(place, Reason.CAPTION, str(error), source=name)
    key = clip_key(path.stem)
    found = sounds.get(path.stem)
    if found is None:
        return missing(key, f"audio/{name}", f"{place} lists it")
    credit = credits_by_clip.get(_credited_name(cells)) or _whole_set(cells)
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=captions,
        split="train",
        labels=(label,),
        origin=f"freesound:{cells['src_file']}" if cells["src_file"].isdecimal() else "",
        license=license_at(credit.license_url),
        license_url=credit.license_url,
        author=credit.author,
        extra=_extra(cells, credit),
    )


def _credited_name(cells: Mapping[str, str]) -> str:
    return f"{cells['fold']}-{cells['src_file']}-{cells['take']}"


def _whole_set(cells: Mapping[str, str]) -> _Credit:
    """The terms of a clip that LICENSE does not name."""
    return _Credit(license_url=_LICENSES["CC-BY" if cells["esc10"] == "True" else "CC-BY-NC"])


def _extra(cells: Mapping[str, str], credit: _Credit) -> Extra:
    told: Extra = {
        "fold": int(cells["fold"]),
        "take": cells["take"],
        "esc10": cells["esc10"] == "True",
    }
    return told | {"title": credit.title} if credit.title else told


ESC50 = DataSet(
    name="esc50",
    title="ESC-50",
    about="2,000 environmental sounds of five seconds in 50 classes.",
    homepage="https://github.com/karolpiczak/ESC-50",
    license="CC-BY-NC-3.0",
    layout=_LAYOUT,
    read=_read,
)
