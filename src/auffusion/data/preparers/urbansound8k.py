"""UrbanSound8K: 8,732 excerpts of up to four seconds from recordings of ten city sounds.

Published at https://urbansounddataset.weebly.com/urbansound8k.html and
https://zenodo.org/records/1203745: `UrbanSound8K/audio/fold1` to `fold10`,
`metadata/UrbanSound8K.csv` with the columns `slice_file_name, fsID, start, end, salience, fold,
classID, class`, and `FREESOUNDCREDITS.txt`, whose lines `100852 by edbles` name the author of each
recording at Freesound. Kaggle's copy (chrisfilo/urbansound8k) has the CSV and the folds side by
side; sounds are found by name in any folder. A name is `FSID-CLASSID-OCCURRENCE-SLICE.wav`.

The ten folds keep the excerpts of one recording together and are meant for cross-validation; there
is no test split. All clips are for training here, and the fold is in `extra`. Neighbouring slices
of one occurrence overlap by up to three and a half seconds. `salience` 1 is foreground, 2 is
background.

The files have the rate, bit depth and channels of the upload (README, quoted at
https://github.com/soundata/soundata, `datasets/urbansound8k.py`). Confirmed are integers of 24 bits
(https://github.com/Alibaba-MIIL/AudioClassfication/issues/16) and WAVE_FORMAT_EXTENSIBLE
(https://github.com/MasazI/audio_classification/issues/1). A few files are said to have four bits a
sample, which is MS or IMA ADPCM; that could not be confirmed.

The set is CC-BY-NC 3.0 (README); the recordings' own licences are not told.
"""

import math
import re
from collections.abc import Mapping
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

_COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "class")
_TABLES = (
    "metadata/UrbanSound8K.csv",
    "UrbanSound8K.csv",
    "UrbanSound8K/metadata/UrbanSound8K.csv",
)
_CREDITS = ("FREESOUNDCREDITS.txt", "UrbanSound8K/FREESOUNDCREDITS.txt")
_LAYOUT = (
    "metadata/UrbanSound8K.csv, audio/fold1 to audio/fold10 and FREESOUNDCREDITS.txt of "
    "https://urbansounddataset.weebly.com/urbansound8k.html"
)
_CREDIT = re.compile(r"(\d+) by (.+)")
_LICENSE_URL = "http://creativecommons.org/licenses/by-nc/3.0/"


def _read(source: Path, _work: Path) -> Listing:
    table = find_published(source, _TABLES, _LAYOUT)
    credits_file = find_optional(source, _CREDITS)
    authors = _authors(credits_file) if credits_file else {}
    sounds = sound_index(source)
    for row in csv_rows(table, _COLUMNS):
        yield row if isinstance(row, Reject) else _clip(source, sounds, authors, *row)


def _authors(path: Path) -> dict[str, str]:
    """Freesound's names of the authors by the numbers of their recordings."""
    text = path.read_text(encoding="utf-8", errors="backslashreplace")
    found = map(_CREDIT.fullmatch, (line.strip() for line in text.splitlines()))
    return {match[1]: match[2] for match in found if match}


def _clip(
    source: Path,
    sounds: Mapping[str, str],
    authors: Mapping[str, str],
    place: str,
    cells: Mapping[str, str],
) -> Listed | Reject:
    name, label = cells["slice_file_name"], cells["class"]
    path = inside(source, name)
    if path is None:
        return left_out(place, Reason.PATH, f"{name!r} is no file name", source=name)
    try:
        captions = captions_of("urbansound8k", label)
    except InputError as error:
        return left_out(place, Reason.CAPTION, str(error), source=name)
    try:
        extra = _extra(cells)
    except ValueError as error:
        return left_out(place, Reason.ROW, f"a number in it is none ({error})", source=name)
    key = clip_key(path.stem)
    found = sounds.get(path.stem)
    if found is None:
        return missing(key, f"audio/fold{cells['fold']}/{name}", f"{place} lists it")
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=captions,
        split="train",
        labels=(label,),
        origin=f"freesound:{int(cells['fsID'])}",
        license=license_at(_LICENSE_URL),
        license_url=_LICENSE_URL,
        author=authors.get(cells["fsID"], ""),
        extra=extra,
    )


def _extra(cells: Mapping[str, str]) -> Extra:
    """Where the excerpt lies in its recording, and how it is to be heard.

    Raises:
        ValueError: no number where one belongs.
    """
    int(cells["fsID"])
    return {
        "fold": int(cells["fold"]),
        "salience": int(cells["salience"]),
        "recording_start_s": _finite(cells["start"]),
        "recording_end_s": _finite(cells["end"]),
    }


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no moment")
    return number


URBANSOUND8K = DataSet(
    name="urbansound8k",
    title="UrbanSound8K",
    about="8,732 excerpts of up to four seconds of ten city sounds.",
    homepage="https://urbansounddataset.weebly.com/urbansound8k.html",
    license="CC-BY-NC-3.0",
    layout=_LAYOUT,
    read=_read,
)
