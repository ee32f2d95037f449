"""A prepared library: short mono sounds in FLAC files, and a manifest of what each one is."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from auffusion.audio.files import write_file
from auffusion.errors import InputError

SAMPLE_RATE = 16_000
"""Samples a second of every clip."""

MANIFEST = "manifest.jsonl"
"""A line a clip, written when all clips are there."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One line of a manifest."""

    id: str
    """Hash of package, source and part."""
    path: str
    """The FLAC file, relative to the library."""
    captions: list[str]
    """One or two sentences; the first is the main one."""
    label: str
    """Short name of its class."""
    kind: str
    """`sound` (the caption says what is heard), `fx` (loosely so) or `music`."""
    seconds: float
    """Length."""
    split: str
    """`train` or `validation`."""
    package: str
    """Name in its archive."""
    version: str
    """File name of the package as fetched."""
    source: str
    """Path inside the package, containers as folders `NAME.d`; `MIDI at N s` if rendered."""
    part: int | None
    """Index of a ten-second piece of a long sound."""
    license: str
    """As the package states it."""
    tier: str
    """`free` or `share-alike`."""
    rendered: bool
    """Whether it was played from a soundfont."""


def read_clips(folder: Path) -> list[Clip]:
    """The manifest of a prepared library.

    Raises:
        InputError: the folder holds none, or one that is not ours.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder} holds no {MANIFEST}: prepare the sound library there first")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_clip(line, path, number) for number, line in enumerate(lines, start=1)]


def write_clips(folder: Path, clips: Iterable[Clip]) -> None:
    """Write the manifest of a library, whole or not at all.

    Raises:
        InputError: the disk is full or the folder may not be written to.
    """
    write_file(folder / MANIFEST, json_lines(asdict(clip) for clip in clips))


def json_lines(rows: Iterable[object]) -> bytes:
    """One JSON value a line, as UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _clip(line: str, path: Path, number: int) -> Clip:
    try:
        return Clip(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"line {number} of {path} describes no clip ({error}): prepare the library again"
        ) from error
