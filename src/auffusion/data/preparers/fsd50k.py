"""FSD50K: 51,197 sounds of Freesound, each with the labels that people confirmed, out of 200.

Published at https://zenodo.org/records/4060432; described there, in https://arxiv.org/abs/2010.00475
and in https://github.com/soundata/soundata (`datasets/fsd50k.py`). What its archives hold:
- `FSD50K.dev_audio/64760.wav` (40,966 clips) and `FSD50K.eval_audio` (10,231), named by the number
  at Freesound: 16-bit PCM, 44.1 kHz mono, 0.3 to 30 s;
- `FSD50K.ground_truth/dev.csv`, columns `fname, labels, mids, split` (`train` or `val`), and
  `eval.csv` without `split`; the labels stand in one cell with commas, a label's parents with it;
- `FSD50K.ground_truth/vocabulary.csv`, the 200 labels without a header; it is not read here;
- `FSD50K.metadata/dev_clips_info_FSD50K.json` and `eval_clips_info_FSD50K.json`, one object by
  number: `title, description, tags, license` (address) and `uploader`.
The copy at https://huggingface.co/datasets/Fhrozen/FSD50k has `clips/dev`, `clips/eval`, `labels`
and `metadata` instead.

The captions name the labels that no other label of the clip implies, the most specific first, four
at most; so does `labels`, with the implied ones behind. The dev labels may be incomplete, those of
eval are exhaustive.

The set as a whole is CC-BY 4.0; each clip has its own licence: CC0 1.0 (19,873 clips), CC-BY 3.0
(23,506), CC-BY-NC 3.0 (6,041) or CC Sampling+ 1.0 (1,777).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from auffusion.data.label_captions import captions_of, joint_captions, most_specific
from auffusion.data.licences import license_at
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

_LAYOUT = (
    "FSD50K.dev_audio, FSD50K.eval_audio, FSD50K.ground_truth and FSD50K.metadata of "
    "https://zenodo.org/records/4060432"
)
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class _Info:
    """What the uploader of a sound told."""

    title: str = ""
    author: str = ""
    license_url: str = ""


def _read(source: Path, _work: Path) -> Listing:
    # Both must be there before the first clip is made.
    parts = [_Part(source, name) for name in ("dev", "eval")]
    for part in parts:
        yield from part.clips()


class _Part:
    """The development or the evaluation set."""

    def __init__(self, source: Path, name: str) -> None:
        self._source = source
        self._is_eval = name == "eval"
        lists = (f"FSD50K.ground_truth/{name}.csv", f"labels/{name}.csv")
        self._list = find_published(source, lists, _LAYOUT)
        infos = (f"FSD50K.metadata/{name}", f"metadata/{name}")
        self._infos = find_published(
            source, [f"{info}_clips_info_FSD50K.json" for info in infos], _LAYOUT
        )
        folders = (f"FSD50K.{name}_audio", f"clips/{name}")
        self._folder = find_published(source, folders, _LAYOUT)

    def clips(self) -> Listing:
        """The clips as the list has them."""
        infos = _infos(self._infos)
        sounds = sound_index(self._folder)
        columns = ("fname", "labels") if self._is_eval else ("fname", "labels", "split")
        for row in csv_rows(self._list, columns):
            if isinstance(row, Reject):
                yield row
            else:
                yield self._clip(sounds, infos, *row)

    def _clip(
        self,
        sounds: Mapping[str, str],
        infos: Mapping[str, _Info],
        place: str,
        cells: Mapping[str, str],
    ) -> Listed | Reject:
        number = cells["fname"]
        split = _SPLITS.get(cells.get("split", "test"))
        if not (number.isascii() and number.isdecimal()) or split is None:
            return left_out(place, Reason.ROW, "it has no number of Freesound or no split")
        below = self._folder.relative_to(self._source).as_posix()
        wanted = f"{below}/{number}.wav"
        try:
            captions, labels = _told(cells["labels"])
        except InputError as error:
            return left_out(place, Reason.CAPTION, str(error), source=wanted)
        if number not in sounds:
            return missing(clip_key(number), wanted, f"{place} lists it")
        info = infos.get(number, _Info())
        return Listed(
            key=clip_key(number),
            file=self._folder / sounds[number],
            source=f"{below}/{sounds[number]}",
            captions=captions,
            split=split,
            labels=labels,
            origin=f"freesound:{number}",
            license=license_at(info.license_url),
            license_url=info.license_url,
            author=info.author,
            extra={"title": info.title} if info.title else {},
        )


def _told(cell: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The captions that a cell of labels gives, and its labels, the most specific first.

    Raises:
        InputError: it has none, or an unknown one.
    """
    labels = [label for label in cell.split(",") if label]
    for label in labels:
        captions_of("fsd50k", label)
    first = most_specific("fsd50k", labels)
    implied = (label for label in dict.fromkeys(labels) if label not in first)
    return joint_captions("fsd50k", labels), (*first, *implied)


def _infos(path: Path) -> dict[str, _Info]:
    """The clips' titles, authors and licences by number; descriptions and tags are dropped."""
    try:
        found: object = json.loads(path.read_bytes(), object_hook=_shortened)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): unpack it again") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} describes no clips, expected an object by their numbers")
    entries = cast("dict[str, object]", found)
    return {key: info for key, info in entries.items() if isinstance(info, _Info)}


def _shortened(entry: dict[str, Any]) -> object:
    if "license" not in entry:
        return entry  # the object around all
    texts = {name: entry.get(name) for name in ("title", "uploader", "license")}
    title, author, license_url = (
        text if isinstance(text, str) and _is_writable(text) else "" for text in texts.values()
    )
    return _Info(title=title, author=author, license_url=license_url)


def _is_writable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text)


FSD50K = DataSet(
    name="fsd50k",
    title="FSD50K",
    about="51,197 sounds of Freesound with labels out of 200, 108 hours.",
    homepage="https://zenodo.org/records/4060432",
    license="CC-BY-4.0",
    layout=_LAYOUT,
    read=_read,
)
