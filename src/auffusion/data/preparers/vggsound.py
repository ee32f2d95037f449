"""VGGSound: 199,176 ten-second clips of videos at YouTube, with one of 309 labels each.

Published at https://www.robots.ox.ac.uk/~vgg/data/vggsound/ and https://github.com/hche11/VGGSound:
`vggsound.csv`, without a header: YouTube id, start in seconds, label (in quotes where it has
commas), `train` or `test`. Labels are taken as they are spelt (`eletric blender running`); they and
the number of their clips are those of `data/stat.csv` there.

The sounds are fetched by each user, and many videos are gone. Found are what the common
downloaders leave, in any folder or none, already cut to the ten seconds:
- `ID_000030.wav`, the start with six digits, as the authors call their files
  (`data/test.csv` and `example_audio` there, and the copy at
  https://huggingface.co/datasets/Loie/VGGSound, whose videos are MP4: take the sound out first);
- `ID_30`, `ID_30_40`, or `ID_30000_40000` in milliseconds
  (https://github.com/marl/audiosetdl), with or without a `Y` before the id;
- `ID.wav`.

The annotations are CC-BY 4.0; the rights in each sound are the video owner's. Clips are marked
`unknown` therefore.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from auffusion.data.label_captions import captions_of
from auffusion.data.listing import (
    DataSet,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    left_out,
    missing,
)
from auffusion.data.published import find_published
from auffusion.data.tables import csv_rows, sound_index
from auffusion.errors import InputError

_COLUMNS = ("youtube_id", "start_s", "label", "split")
_LAYOUT = (
    "vggsound.csv of https://www.robots.ox.ac.uk/~vgg/data/vggsound/ and, in any folder, the "
    "sounds as ID_000030.wav, ID_30.wav, ID_30000_40000.wav or ID.wav"
)
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NUMBER = re.compile(r"[0-9]{1,6}")
_CLIP_S = 10


def _read(source: Path, _work: Path) -> Listing:
    table = find_published(source, ("vggsound.csv", "data/vggsound.csv"), _LAYOUT)
    sounds = sound_index(source)
    for row in csv_rows(table, _COLUMNS, header=_COLUMNS):
        yield row if isinstance(row, Reject) else _clip(source, sounds, *row)


def _clip(
    source: Path, sounds: Mapping[str, str], place: str, cells: Mapping[str, str]
) -> Listed | Reject:
    youtube_id, start, label = cells["youtube_id"], cells["start_s"], cells["label"]
    if not (
        _YOUTUBE_ID.fullmatch(youtube_id)
        and _NUMBER.fullmatch(start)
        and cells["split"] in {"train", "test"}
    ):
        fault = "it has no YouTube id, start in whole seconds, or split"
        return left_out(place, Reason.ROW, fault)
    try:
        captions = captions_of("vggsound", label)
    except InputError as error:
        return left_out(place, Reason.CAPTION, str(error), source=f"youtube:{youtube_id}")
    names = list(_names(youtube_id, int(start)))
    found = next((sounds[name] for name in names if name in sounds), None)
    key = clip_key(youtube_id, int(start))
    if found is None:
        told = f"no sound is called {names[0]}, {names[-1]} or the like"
        return missing(key, f"youtube:{youtube_id}", told)
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=captions,
        split=cells["split"],
        labels=(label,),
        origin=f"youtube:{youtube_id}",
        extra={"youtube_start_s": int(start)},
    )


def _names(youtube_id: str, start: int) -> Iterator[str]:
    """What the clip's file may be called, without the ending; the surest first."""
    end = start + _CLIP_S
    for name in (youtube_id, f"Y{youtube_id}"):
        yield f"{name}_{start:06d}"
        yield f"{name}_{start}"
        yield f"{name}_{start}_{end}"
        yield f"{name}_{start * 1000}_{end * 1000}"
    yield f"Y{youtube_id}"
    yield youtube_id


VGGSOUND = DataSet(
    name="vggsound",
    title="VGGSound",
    about="199,176 ten-second clips of YouTube in 309 classes.",
    homepage="https://www.robots.ox.ac.uk/~vgg/data/vggsound/",
    license="CC-BY-4.0 (annotations; the sounds have their videos' own terms)",
    layout=_LAYOUT,
    read=_read,
)
