"""A whole list of prompts to a folder of sounds, in as many sittings as it takes."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from auffusion.audio import read_audio, read_metadata, to_int16, write_audio
from auffusion.baselines.loading import LoadedBaseline
from auffusion.baselines.sampling import SAMPLE_RATE
from auffusion.errors import InputError

NOTE = "Generated audio: made by a model from the prompt, not recorded."


@dataclass(frozen=True, kw_only=True)
class ListedSound:
    """One line of a list."""

    id: str
    """Name of its file, without the ending."""
    prompt: str
    """What to hear."""
    seed: int = 0
    """Decides the sound; the same on every device as far as its arithmetic goes."""


def generate_list(
    baseline: LoadedBaseline,
    rows: Iterable[ListedSound],
    folder: Path,
    on_sound: Callable[[Path, bool], object] | None = None,
) -> int:
    """Make ``<id>.wav`` of each row, 16-bit mono at 16 kHz, with all settings inside.

    A file that is whole and was made with the same settings by the same weights stays; files are
    whole or not there. So an interrupted run is begun again and ends with the same files.

    Args:
        baseline: the system.
        rows: the list, each id once.
        folder: created if it is not there.
        on_sound: called after each row with its file and whether it had to be made.

    Returns:
        How many were made.

    Raises:
        InputError: an id twice or one that is no file name, a sound that is not finite, or a file
            that cannot be written.
    """
    listed = list(rows)
    _check_ids(listed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create the folder {folder}: {error.strerror}") from error
    made = 0
    for row in listed:
        path = folder / f"{row.id}.wav"
        finished = _is_finished(path, baseline, row)
        if not finished:
            _make(path, baseline, row)
            made += 1
        if on_sound is not None:
            on_sound(path, not finished)
    return made


def _check_ids(rows: list[ListedSound]) -> None:
    for row in rows:
        if row.id in {"", ".", ".."} or any(letter in row.id for letter in "/\\\0"):
            raise InputError(f"the id {row.id!r} is no plain file name: give each row one")
    # Some disks do not tell capitals apart.
    name, count = Counter(row.id.casefold() for row in rows).most_common(1)[0] if rows else ("", 0)
    if count > 1:
        raise InputError(f"the id {name!r} stands {count} times: give each row one of its own")


def _make(path: Path, baseline: LoadedBaseline, row: ListedSound) -> None:
    waveform = baseline([row.prompt], [row.seed])[0]
    if not waveform.isfinite().all():
        raise InputError(
            f"{baseline.entry.name} gave no finite sound for {row.id!r} in {baseline.dtype}: "
            "choose another precision, or leave the row out"
        )
    samples = to_int16(waveform)
    metadata = sound_metadata(baseline, row, samples)
    write_audio(path, samples, sample_rate=SAMPLE_RATE, metadata=metadata)


def sound_metadata(
    baseline: LoadedBaseline, row: ListedSound, samples: torch.Tensor
) -> dict[str, str]:
    """The fields of a sound file: what made it, and how."""
    record = _record(baseline, row) | {"samples_sha256": _digest(samples)}
    words = " ".join(row.prompt.replace("\0", " ").split())
    return {
        "title": words[:200],
        "software": f"auffusion {version('auffusion')}",
        # ASCII, because not every reader of WAV knows UTF-8.
        "comment": json.dumps(record),
    }


def _record(baseline: LoadedBaseline, row: ListedSound) -> dict[str, Any]:
    """What a file says about itself."""
    return {
        "auffusion": version("auffusion"),
        "note": NOTE,
        "baseline": baseline.entry.name,
        "license": baseline.entry.license,
        "model": {"name": baseline.model, "sha256": baseline.identity},
        "settings": {
            "prompt": row.prompt,
            "seed": row.seed,
            **asdict(baseline.sampling),
            "dtype": baseline.dtype,
        },
    }


def _is_finished(path: Path, baseline: LoadedBaseline, row: ListedSound) -> bool:
    """Whether the file is there, whole, and what these settings make."""
    if not path.is_file():
        return False
    try:
        record = json.loads(read_metadata(path).get("comment", ""))
        expected = _record(baseline, row)
        same = (record["baseline"], record["model"]["sha256"], record["settings"]) == (
            expected["baseline"],
            expected["model"]["sha256"],
            expected["settings"],
        )
        samples = to_int16(read_audio(path, sample_rate=SAMPLE_RATE)[0])
        return same and record["samples_sha256"] == _digest(samples)
    # Whatever is wrong with an older file of that name, it is not the one that is wanted.
    except (InputError, ValueError, TypeError, KeyError, RecursionError):
        return False


def _digest(samples: torch.Tensor) -> str:
    """SHA-256 of little-endian 16-bit samples."""
    return hashlib.sha256(samples.numpy().astype("<i2").tobytes()).hexdigest()
