"""MACS: ten-second street and park scenes that several people each described.

https://zenodo.org/records/5114771 holds MACS.yaml, the captions (two to five a clip) and tags of
3,930 sounds of the TAU Urban Acoustic Scenes 2019 development set, and MACS_competence.csv, which
is not read. The sounds are https://zenodo.org/records/2589280: zips that unpack to
`TAU-urban-acoustic-scenes-2019-development/audio/*.wav`, 48 kHz stereo; a folder `audio`, or any
other, will do.

MACS.yaml itself was not at hand; by its description there and by the code that reads it at
https://github.com/Labbeti/aac-datasets it is a mapping whose
`files` is a list of `filename` and `annotations`, a list of `annotator_id`, `sentence` and `tags`.

A name such as `airport-barcelona-0-0-a.wav` is scene, city, place, segment and device. MACS has no
splits: all is `train`, and `place` in a clip's extra keeps takes of one place together for those
who want to part it. Labels are the tags, those that most annotators gave first.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from auffusion.data.captions import caption_of
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
from auffusion.data.tables import sound_index
from auffusion.errors import InputError

_LIST = "MACS.yaml"
_NAME = re.compile(r"([a-z_]+)-([a-z]+)-(\d+)-(\d+)-([a-z0-9]+)\.wav")


def _read(source: Path, _work: Path) -> Listing:
    path = source / _LIST
    if not path.is_file():
        raise InputError(
            f"{source} holds no {_LIST}: fetch it from https://zenodo.org/records/5114771"
        )
    sounds = sound_index(source)
    for number, entry in enumerate(_entries(path), start=1):
        yield _listed(source, sounds, f"{_LIST}:{number}", entry)


def _entries(path: Path) -> Iterator[object]:
    try:
        from auffusion.data.yaml_list import yaml_items
    except ImportError as error:
        raise InputError("MACS needs PyYAML: pip install 'auffusion[data]'") from error
    return yaml_items(path, "files")


def _listed(source: Path, sounds: dict[str, str], place: str, entry: object) -> Listed | Reject:
    known = _dict(entry)
    name = str(known.get("filename", ""))
    parts = _NAME.fullmatch(name)
    if parts is None:
        detail = f"{place} was left out: {name[:80]!r} is no sound of TAU Urban Acoustic Scenes"
        return Reject(key=place, source="", reason=Reason.ROW, detail=detail)
    key = clip_key(name.removesuffix(".wav"))
    said = [one for one in _dicts(known.get("annotations")) if caption_of(one.get("sentence"))]
    if not said:
        detail = f"{place} was left out: nobody described {name}"
        return Reject(key=key, source="", reason=Reason.CAPTION, detail=detail)
    found = sounds.get(name.removesuffix(".wav"))
    if found is None:
        return missing(key, f"audio/{name}", "unpack the sounds of TAU Urban Acoustic Scenes 2019")
    scene, city, spot, _, device = parts.groups()
    extra: Extra = {"scene": scene, "place": f"{city}-{spot}", "device": device}
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=tuple(caption_of(one["sentence"]) for one in said),
        split="train",
        labels=_labels(said),
        author="Tampere University",
        license="LicenseRef-TAU-non-commercial",
        license_url="https://zenodo.org/records/2589280",
        extra=extra | {"annotators": " ".join(str(one.get("annotator_id")) for one in said)},
    )


def _labels(said: list[dict[str, object]]) -> tuple[str, ...]:
    tags = Counter(tag for one in said for tag in map(caption_of, _list(one.get("tags"))) if tag)
    return tuple(tag for tag, _ in tags.most_common())


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _dict(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, object]]:
    return [_dict(one) for one in _list(value)]


MACS = DataSet(
    name="macs",
    title="MACS",
    about="3,930 ten-second scenes of airports, squares and parks with two to five captions each.",
    homepage="https://zenodo.org/records/5114771",
    license="LicenseRef-TAU-non-commercial",
    layout=(
        "MACS.yaml, and below it the WAV files of TAU Urban Acoustic Scenes 2019, such as "
        "TAU-urban-acoustic-scenes-2019-development/audio/*.wav"
    ),
    read=_read,
)
