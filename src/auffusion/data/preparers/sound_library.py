"""The embedded model's sounds: freely licensed clips from package archives, and rendered ones.

`sound_library.jsonl` beside this file lists every clip: package, path inside it, captions, class,
licence. It holds the licence tiers `free` (CC0, PD, MIT, BSD, CC-BY …) and `share-alike`
(CC-BY-SA, Free Art) and the rendered instruments; clips reserved for independent tests, and their
near duplicates, are not in it.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from auffusion.audio import write_audio
from auffusion.data.clips import SAMPLE_RATE as SAMPLE_RATE
from auffusion.data.clips import Clip as Clip
from auffusion.data.clips import json_lines, write_clips
from auffusion.data.clips import read_clips as read_clips
from auffusion.data.cutting import cut_clip, decode_sound, to_clip_rate
from auffusion.data.packages import fetch_package
from auffusion.data.soundfont import SLOT_S, render_slots
from auffusion.errors import InputError
from auffusion.files import write_file

LIST = Path(__file__).with_suffix(".jsonl")
_SOUNDFONT = "MuseScore_General_Full.sf3"
# One group in eight is kept from training, to choose and to judge by.
_VALIDATION_ONE_IN = 8

Row = TypedDict(
    "Row",
    {
        "package": str,
        "source": str,
        "part": NotRequired[int],
        "source_rate": int,
        "kind": str,
        "class": str,
        "captions": list[str],
        "license": str,
        "tier": str,
        "rendered": NotRequired[bool],
    },
)
"""A line of the sound list: a clip as it should be found in its package."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A listed clip that could not be made."""

    package: str
    source: str
    part: int | None
    reason: str


def listed_clips() -> list[Row]:
    """The rows of the sound list."""
    with LIST.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def prepare(
    source: Path,
    target: Path,
    *,
    rows: Sequence[Row] | None = None,
    on_package: Callable[[str, int, int], None] | None = None,
) -> list[Clip]:
    """Fetch the packages, cut their sounds into clips, and write FLAC files and a manifest.

    Args:
        source: folder for unpacked packages; those already there are not fetched again.
        target: folder for `clips/*.flac`, `manifest.jsonl`, and `left_out.jsonl`: the listed clips
            that a package no longer holds, or in a format that is not read, each with the reason.
        rows: clips to make; the whole sound list where none are given.
        on_package: told (package, clips made, clips listed) as each is done.

    Returns:
        The clips made.

    Raises:
        InputError: a package cannot be fetched, or the disk is full.
    """
    by_package: dict[str, list[Row]] = defaultdict(list)
    for row in listed_clips() if rows is None else rows:
        by_package[row["package"]].append(row)
    (target / "clips").mkdir(parents=True, exist_ok=True)
    clips: list[Clip] = []
    left_out: list[LeftOut] = []
    for package, listed in by_package.items():
        made, missing = _prepare_package(fetch_package(package, source), target, listed)
        clips += made
        left_out += missing
        if on_package is not None:
            on_package(package, len(made), len(listed))
    write_file(target / "left_out.jsonl", json_lines(asdict(one) for one in left_out))
    write_clips(target, clips)
    return clips


def is_validation(package: str, source: str) -> bool:
    """Whether a source file's group is kept from training; takes of one sound share a group.

    >>> is_validation("p", "a/bark1.wav") == is_validation("p", "a/bark_02.wav")
    True
    """
    stem = re.sub(r"[\d_\-. ]+$", "", source.rsplit(".", 1)[0].lower())
    digest = hashlib.sha1(f"{package}|{stem}".encode(), usedforsecurity=False).digest()
    return digest[0] % _VALIDATION_ONE_IN == 0


def _prepare_package(
    folder: Path, target: Path, rows: list[Row]
) -> tuple[list[Clip], list[LeftOut]]:
    version = (folder / "PACKAGE").read_text(encoding="utf-8").strip()
    rendered = _rendered(folder, [row for row in rows if row.get("rendered")])

    # The parts of one file stand together in the list, and it is decoded once.
    @lru_cache(maxsize=1)
    def sound_of(source: str) -> NDArray[np.float32]:
        return rendered[source] if source in rendered else decode_sound(folder / source)

    made: list[Clip] = []
    left_out: list[LeftOut] = []
    for row in rows:
        try:
            samples = cut_clip(sound_of(row["source"]), row.get("part"))
        except InputError as error:
            # Another version of a package may lack a file: that is reported, and no reason to stop.
            left_out.append(_left_out(row, str(error)))
        else:
            made.append(_write_clip(target, version, row, samples))
    return made, left_out


def _left_out(row: Row, reason: str) -> LeftOut:
    part = row.get("part")
    return LeftOut(package=row["package"], source=row["source"], part=part, reason=reason)


def _write_clip(target: Path, version: str, row: Row, samples: NDArray[np.int16]) -> Clip:
    key = f"{row['package']}|{row['source']}|{row.get('part')}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = f"clips/{name}.flac"
    write_audio(target / path, samples, sample_rate=SAMPLE_RATE)
    # A rendered clip's neighbours are other phrases of the same instrument: its group is itself.
    group = row["captions"][0] if row.get("rendered") else row["source"]
    return Clip(
        id=name,
        path=path,
        captions=row["captions"],
        label=row["class"],
        kind=row["kind"],
        seconds=round(len(samples) / SAMPLE_RATE, 4),
        split="validation" if is_validation(row["package"], group) else "train",
        package=row["package"],
        version=version,
        source=row["source"],
        part=row.get("part"),
        license=row["license"],
        tier=row["tier"],
        rendered=bool(row.get("rendered")),
    )


def _rendered(folder: Path, rows: list[Row]) -> dict[str, NDArray[np.float32]]:
    """The sound of each rendered row, by its source."""
    if not rows:
        return {}
    soundfont = next(folder.rglob(_SOUNDFONT), None)
    if soundfont is None:
        raise InputError(f"{folder} holds no {_SOUNDFONT}: fetch the package again")
    slots = {int(int(row["source"].split()[2]) / SLOT_S): row["captions"][0] for row in rows}
    sounds = render_slots(slots, soundfont, 2 * SAMPLE_RATE)
    return {
        f"MIDI at {round(slot * SLOT_S)} s": to_clip_rate(sound, 2 * SAMPLE_RATE)
        for slot, sound in sounds.items()
    }
