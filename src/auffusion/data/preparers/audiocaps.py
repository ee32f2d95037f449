"""AudioCaps: ten-second clips of AudioSet with captions that people wrote.

The lists are `train.csv`, `val.csv` and `test.csv` of https://github.com/cdjkim/audiocaps, folder
`dataset` (v1: 49,838, 495 and 975 clips; lines end in CRLF) or `dataset2.0` (91,256 captions to
train, five a clip in the others, all in lower case), columns `audiocap_id,youtube_id,start_time,
caption`. A clip of the validation and test lists has five rows, which do not stand together: here
it is one clip with all its captions, the first row's first. Only the lists are held in memory: a
hundred thousand short rows.

The sounds are fetched by each user; a tenth and more of the videos are gone by now. Found here is
what the common downloaders leave, in any folder or none, WAV, FLAC, Ogg or MP3, already cut to the
ten seconds:
- `AUDIOCAP_ID.wav`, one for each row (https://github.com/MorenoLaQuatra/audiocaps-download);
- `YOUTUBE_ID_START.flac`, in seconds (https://github.com/Labbeti/aac-datasets), or
  `YOUTUBE_ID_START_END.flac`, in milliseconds (https://github.com/marl/audiosetdl);
- `YYOUTUBE_ID.wav`, as in WavCaps and PANNs (https://huggingface.co/datasets/cvssp/WavCaps);
- `YOUTUBE_ID.wav`, and start and end in seconds, which no downloader that was looked at writes.

The lists are MIT-licensed and, as their README says, for academic use; each sound has the terms of
its video, which are not told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auffusion.data.captions import caption_of
from auffusion.data.listing import (
    DataSet,
    Listed,
    Listing,
    Reason,
    Reject,
    clip_key,
    missing,
)
from auffusion.data.tables import csv_rows, sound_index
from auffusion.errors import InputError

_COLUMNS = ("audiocap_id", "youtube_id", "start_time", "caption")
# Should a clip stand in two lists, the one that is judged by keeps it.
_SPLITS = {"test": "test", "val": "validation", "train": "train"}
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_CLIP_S = 10


@dataclass
class _Clip:
    """What the rows of one clip say."""

    youtube_id: str
    start_s: int
    captions: list[str] = field(default_factory=lambda: [])
    ids: list[str] = field(default_factory=lambda: [])


def _read(source: Path, lists: tuple[str, ...]) -> Listing:
    paths = {name: _list_path(source, lists, name) for name in _SPLITS}
    sounds = sound_index(source)
    for name, split in _SPLITS.items():
        clips: dict[str, _Clip] = {}
        yield from _grouped(paths[name], clips)
        for key, clip in clips.items():
            yield _listed(source, sounds, key, clip, split)


def _list_path(source: Path, lists: tuple[str, ...], name: str) -> Path:
    paths = [source / folder / f"{name}.csv" for folder in lists]
    for path in paths:
        if path.is_file():
            return path
    raise InputError(
        f"{source} holds no {name}.csv, nor do its folders {' and '.join(lists[1:])}: put the "
        "lists of https://github.com/cdjkim/audiocaps there"
    )


def _grouped(path: Path, clips: dict[str, _Clip]) -> Iterator[Reject]:
    """Fill the clips by key, in the order of their first rows, and yield the rows that are bad."""
    for row in csv_rows(path, _COLUMNS):
        if isinstance(row, Reject):
            yield row
            continue
        place, cells = row
        youtube_id, start = cells["youtube_id"], cells["start_time"]
        if not (_YOUTUBE_ID.fullmatch(youtube_id) and _NUMBER.fullmatch(start)):
            detail = f"{place} was left out: it has no YouTube id and start in whole seconds"
            yield Reject(key=place, source="", reason=Reason.ROW, detail=detail)
            continue
        caption = caption_of(cells["caption"])
        if not caption:
            detail = f"{place} was left out: it has no caption"
            yield Reject(key=place, source="", reason=Reason.CAPTION, detail=detail)
            continue
        key = clip_key(youtube_id, int(start))
        clip = clips.setdefault(key, _Clip(youtube_id, int(start)))
        clip.captions.append(caption)
        clip.ids.append(cells["audiocap_id"].strip())


def _listed(
    source: Path, sounds: dict[str, str], key: str, clip: _Clip, split: str
) -> Listed | Reject:
    found = next((sounds[name] for name in _names(clip) if name in sounds), None)
    if found is None:
        told = f"no sound is called {clip.youtube_id}, that and _{clip.start_s}, or {clip.ids[0]}"
        return missing(key, f"youtube:{clip.youtube_id}", told)
    return Listed(
        key=key,
        file=source / found,
        source=found,
        captions=tuple(clip.captions),
        split=split,
        origin=f"youtube:{clip.youtube_id}",
        extra={"youtube_start_s": clip.start_s, "audiocap_ids": " ".join(clip.ids)},
    )


def _names(clip: _Clip) -> Iterator[str]:
    """What the clip's file may be called, without the ending; the surest first."""
    start, end = clip.start_s, clip.start_s + _CLIP_S
    for name in (clip.youtube_id, f"Y{clip.youtube_id}"):
        yield f"{name}_{start}"
        yield f"{name}_{start}_{end}"
        yield f"{name}_{start * 1000}_{end * 1000}"
    yield clip.youtube_id
    yield f"Y{clip.youtube_id}"
    yield from clip.ids


def _read_v1(source: Path, _work: Path) -> Listing:
    return _read(source, ("", "dataset", "csv_files_v1"))


def _read_v2(source: Path, _work: Path) -> Listing:
    return _read(source, ("", "dataset2.0", "csv_files_v2"))


_LAYOUT = (
    "train.csv, val.csv and test.csv, there or in {folder}, and anywhere below it the sounds, "
    "named by audiocap_id, youtube_id, Y and youtube_id, or youtube_id_start"
)

AUDIOCAPS = DataSet(
    name="audiocaps",
    title="AudioCaps",
    about="51,308 ten-second clips of AudioSet, with one caption each to train and five to test.",
    homepage="https://audiocaps.github.io/",
    license="MIT (captions; the sounds have their videos' own terms)",
    layout=_LAYOUT.format(folder="dataset"),
    read=_read_v1,
)

AUDIOCAPS_V2 = DataSet(
    name="audiocaps-v2",
    title="AudioCaps 2.0",
    about="98,606 captions of ten-second clips of AudioSet; its test clips are AudioCaps' own.",
    homepage="https://github.com/cdjkim/audiocaps/tree/master/dataset2.0",
    license="MIT (captions; the sounds have their videos' own terms)",
    layout=_LAYOUT.format(folder="dataset2.0"),
    read=_read_v2,
)
