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
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from auffusion.data.packages import fetch_package
from auffusion.data.soundfont import SLOT_S, render_slots
from auffusion.errors import InputError

SAMPLE_RATE = 16_000
LIST = Path(__file__).with_suffix(".jsonl")
_SOUNDFONT = "musescore-general-soundfont"
_PART = 10 * SAMPLE_RATE
_MARGIN = SAMPLE_RATE // 20
_SHORTEST = 0.08
_QUIETEST_PEAK = 0.004
# One group in eight is kept from training, to choose and to judge by.
_VALIDATION_ONE_IN = 8


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One line of the manifest that `prepare` writes."""

    id: str
    path: str
    captions: list[str]
    label: str
    kind: str
    seconds: float
    split: str
    package: str
    version: str
    source: str
    part: int | None
    license: str
    tier: str
    rendered: bool


def listed_clips() -> list[dict[str, Any]]:
    """The rows of the sound list."""
    with LIST.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def prepare(
    source: Path, target: Path, *, on_package: Callable[[str, int, int], None] | None = None
) -> list[Clip]:
    """Fetch the packages, cut their sounds into clips, and write FLAC files and a manifest.

    Args:
        source: folder for unpacked packages; those already there are not fetched again.
        target: folder for `clips/*.flac` and `manifest.jsonl`.
        on_package: told (package, clips made, clips listed) as each is done.

    Returns:
        The clips made; listed ones that a package no longer holds are left out.

    Raises:
        InputError: a package cannot be fetched.
    """
    (target / "clips").mkdir(parents=True, exist_ok=True)
    by_package: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in listed_clips():
        by_package[row["package"]].append(row)
    clips: list[Clip] = []
    for package, rows in by_package.items():
        folder = fetch_package(package, source)
        made = [_write_clip(target, folder, row, cut) for row, cut in _cut(package, folder, rows)]
        clips += made
        if on_package is not None:
            on_package(package, len(made), len(rows))
    with (target / "manifest.jsonl.tmp").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips)
    (target / "manifest.jsonl.tmp").rename(target / "manifest.jsonl")
    return clips


def read_clips(folder: Path) -> list[Clip]:
    """The manifest of a prepared library.

    Raises:
        InputError: the folder holds none.
    """
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise InputError(f"{folder} holds no manifest.jsonl: prepare the sound library there first")
    with manifest.open(encoding="utf-8") as lines:
        return [Clip(**json.loads(line)) for line in lines]


def is_validation(package: str, source: str) -> bool:
    """Whether a source file's group is kept from training; takes of one sound share a group.

    >>> is_validation("p", "a/bark1.wav") == is_validation("p", "a/bark_02.wav")
    True
    """
    stem = re.sub(r"[\d_\-. ]+$", "", source.rsplit(".", 1)[0].lower())
    digest = hashlib.sha1(f"{package}|{stem}".encode(), usedforsecurity=False).digest()
    return digest[0] % _VALIDATION_ONE_IN == 0


def _write_clip(target: Path, folder: Path, row: dict[str, Any], samples: np.ndarray) -> Clip:
    key = f"{row['package']}|{row['source']}|{row.get('part')}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = f"clips/{name}.flac"
    soundfile.write(target / path, samples, SAMPLE_RATE, subtype="PCM_16")
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
        version=(folder / "PACKAGE").read_text(encoding="utf-8").strip(),
        source=row["source"],
        part=row.get("part"),
        license=row["license"],
        tier=row["tier"],
        rendered=bool(row.get("rendered")),
    )


def _cut(
    package: str, folder: Path, rows: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Each row that the package still holds, with its int16 samples."""
    whole: dict[str, np.ndarray] = _rendered(folder, rows) if package == _SOUNDFONT else {}
    for row in rows:
        samples = whole.get(row["source"])
        if samples is None:
            samples = _decode(folder / row["source"])
        if samples is None:
            continue
        clip = _clip_of(samples, row.get("part"))
        if clip is not None:
            yield row, clip


def _rendered(folder: Path, rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    slots = {int(int(row["source"].split()[2]) / SLOT_S): row["captions"][0] for row in rows}
    soundfont = next(folder.rglob("MuseScore_General_Full.sf3"))
    sounds = render_slots(slots, soundfont, 2 * SAMPLE_RATE)
    return {
        f"MIDI at {round(slot * SLOT_S)} s": _to_rate(sound, 2 * SAMPLE_RATE)
        for slot, sound in sounds.items()
    }


def _decode(path: Path) -> np.ndarray | None:
    """Mono sound at 16 kHz, or None where the file is gone or of a format we do not read."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return _to_rate(samples.mean(axis=1), rate)


def _to_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ") if len(samples) else samples


def _clip_of(samples: np.ndarray, part: int | None) -> np.ndarray | None:
    """Trimmed at -60 dB, cut to its 10 s part if it has one, as int16."""
    if _too_little(samples):
        return None
    loud = np.flatnonzero(np.abs(samples) > 1e-3 * np.abs(samples).max())
    samples = samples[max(0, loud[0] - _MARGIN) : loud[-1] + 1 + _MARGIN]
    if part is not None:
        samples = samples[part * _PART : (part + 1) * _PART]
    if _too_little(samples):
        return None
    level = samples / max(1.0, np.abs(samples).max() / 0.99)
    return np.round(32767 * level).astype(np.int16)


def _too_little(samples: np.ndarray) -> bool:
    return len(samples) < _SHORTEST * SAMPLE_RATE or np.abs(samples).max() < _QUIETEST_PEAK
