"""Published lists of test captions, by name: which clips, and which of their captions.

FD depends strongly on which and how many clips are measured, so that the list is a part of the
score. None of these lists is ours to ship; each is one file to download:

- `auffusion-761`: the paper's AudioCaps list, `data/test_audiocaps.raw.json` of
  https://github.com/happylittlecat2333/Auffusion (a JSON object a line, `audio_path` ending in
  `ID_START.wav`, and `text`);
- `audioldm-964`: AudioLDM's, `example/AudioCaps/audiocaps_test_nonrepeat_subset_2.json` of
  https://github.com/haoheliu/audioldm_eval at c9e936e (an object `data` with a list, `wav` ending
  in `YID.wav`, and `caption`);
- `tango-886`: Tango's, `data/test_audiocaps_subset.json` of https://github.com/declare-lab/tango
  (a JSON object a line, `location` ending in `ID_START.wav`, and `captions`).

In all of them clips are told apart by the identifier of their YouTube video.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from auffusion.errors import InputError

_STEM = re.compile(r"(?P<id>[A-Za-z0-9_-]{11})(?:_(?P<start>[0-9]+))?(?:_[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class PublishedList:
    """What is known of a list."""

    file: str
    """Its file's usual name."""
    url: str
    """Where it is."""
    path_key: str
    """What names the sound in a row."""
    caption_key: str
    """What is its caption."""
    clips: int
    """Rows."""
    captions: int | None = None
    """Different captions, where it is known."""


@dataclass(frozen=True, kw_only=True)
class ListedVideo:
    """One row."""

    stem: str
    """Name of the sound there, without the ending."""
    ids: tuple[str, ...]
    """What its video may be: one identifier, seldom two."""
    start_s: int | None
    """Second of the video at which the clip begins, where the row tells."""
    caption: str
    """Its caption."""


PUBLISHED_LISTS = {
    "auffusion-761": PublishedList(
        file="test_audiocaps.raw.json",
        url="https://github.com/happylittlecat2333/Auffusion, folder data",
        path_key="audio_path",
        caption_key="text",
        clips=761,
        captions=753,
    ),
    "audioldm-964": PublishedList(
        file="audiocaps_test_nonrepeat_subset_2.json",
        url="https://github.com/haoheliu/audioldm_eval at c9e936e, folder example/AudioCaps",
        path_key="wav",
        caption_key="caption",
        clips=964,
    ),
    "tango-886": PublishedList(
        file="test_audiocaps_subset.json",
        url="https://github.com/declare-lab/tango, folder data",
        path_key="location",
        caption_key="captions",
        clips=886,
    ),
}


def read_published_list(name: str, path: Path) -> list[ListedVideo]:
    """The rows of a list, after a look at whether it is the one that is meant.

    Args:
        name: one of `PUBLISHED_LISTS`.
        path: its file.

    Raises:
        InputError: no such list, its file is not here, or is another one.
    """
    known = PUBLISHED_LISTS.get(name)
    if known is None:
        raise InputError(f"there is no list {name!r}: choose of {', '.join(PUBLISHED_LISTS)}")
    if not path.is_file():
        raise InputError(f"the list {name} is not here: put {known.file} of {known.url} at {path}")
    rows = [_video(row, known, f"{path}, row {n}") for n, row in enumerate(_rows(path), start=1)]
    _check(rows, known, name, path)
    return rows


def _check(rows: list[ListedVideo], known: PublishedList, name: str, path: Path) -> None:
    different = len({row.caption for row in rows})
    if len(rows) != known.clips or (known.captions and different != known.captions):
        wanted = f"{known.clips} clips" + (
            f" and {known.captions} different captions" if known.captions else ""
        )
        raise InputError(
            f"{path} is not the list {name}: it has {len(rows)} clips and {different} different "
            f"captions, and {wanted} were expected"
        )


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Lines of a list are objects too, but no object is a list of lines.
        lines = text.split("\n")
        parsed: Any = (
            json.loads(text)
            if lines[0].strip() in {"{", "["}
            else [json.loads(line) for line in lines if line.strip()]
        )
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a list of captions: {error}") from error
    found = cast("dict[str, Any]", parsed).get("data") if isinstance(parsed, dict) else parsed
    if not isinstance(found, list):
        raise InputError(f"{path} holds no list of captions")
    for row in cast("list[Any]", found):
        if not isinstance(row, dict):
            raise InputError(f"{path} holds a row that is no JSON object")
        yield cast("Mapping[str, Any]", row)


def _video(row: Mapping[str, Any], known: PublishedList, place: str) -> ListedVideo:
    named, caption = row.get(known.path_key), row.get(known.caption_key)
    if not isinstance(named, str) or not isinstance(caption, str):
        raise InputError(f"{place} lacks {known.path_key} or {known.caption_key}")
    stem = PurePosixPath(named.replace("\\", "/")).stem
    # AudioSet's copies put a Y before the identifier, which may begin with one itself.
    found = [_STEM.fullmatch(one) for one in (stem, stem.removeprefix("Y"))]
    matches = [match for match in found if match is not None]
    if not matches:
        raise InputError(f"{place} names the sound {stem!r}, in which there is no YouTube id")
    start = matches[-1]["start"]
    return ListedVideo(
        stem=stem,
        ids=tuple(dict.fromkeys(match["id"] for match in matches)),
        start_s=None if start is None else int(start),
        caption=" ".join(caption.split()),
    )
