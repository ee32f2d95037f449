"""Every imitation of a data set, as the tests of the preparers build them, by name."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import soundfile
import soxr

from auffusion.data.catalogue import find_data_set
from auffusion.data.preparation import Limits, Preparation
from auffusion.executor import SerialExecutor

HERE = Path(__file__).parent
SOUNDS = HERE.parents[1] / "sounds"

_OWN_TEST = {
    "audiocaps": "audiocaps",
    "macs": "macs",
    "clotho": "clotho",
    "esc50": "esc50",
    "urbansound8k": "urbansound8k",
    "musical-instruments": "musical_instruments",
    "gtzan": "gtzan",
    "wavcaps-bbc": "wavcaps",
    "wavcaps-freesound": "wavcaps",
    "wavcaps-audioset-sl": "wavcaps",
    "wavcaps-soundbible": "wavcaps",
    "fsd50k": "fsd50k",
    "vggsound": "vggsound",
    "folder": "folder",
    "huggingface": "huggingface",
}
NAMES = tuple(_OWN_TEST)


def write_sound(path, name="crow", seconds=None, rate=16_000, channels=1, subtype=None):
    """A real sound in a file: repeated up to a length, at a rate, in several channels."""
    samples, own_rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
    if seconds is not None:
        samples = np.resize(samples, round(seconds * own_rate))
    samples = soxr.resample(samples, own_rate, rate)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), rate, subtype)
    return path


def imitate(name, folder):
    """Build the imitation of a data set."""
    file = HERE / f"test_{_OWN_TEST[name]}.py"
    spec = importlib.util.spec_from_file_location(f"imitation_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder.mkdir(parents=True, exist_ok=True)
    module.imitate(folder, write_sound)


def prepared_rows(name, folder):
    """(clips, rejects) of `folder/source` after the whole preparation into `folder/prepared`.

    Without what the version of a decoder decides, and with lengths to the hundredth of a second.
    """
    data_set = find_data_set(name)
    limits = Limits(max_bad_fraction=1.0)
    Preparation(
        data_set=data_set, source=folder / "source", output=folder / "prepared", limits=limits
    ).run(SerialExecutor())
    clips = [_told(json.loads(line)) for line in _lines(folder / "prepared/manifest.jsonl")]
    rejects = [json.loads(line) for line in _lines(folder / "prepared/rejects.jsonl")]
    return clips, [{key: row[key] for key in ("key", "source", "reason")} for row in rejects]


def _lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def _told(clip):
    left_out = {"sha256", "offset", "size"}
    rounded = {name: round(clip[name], 2) for name in ("seconds", "source_seconds")}
    return {name: value for name, value in clip.items() if name not in left_out} | rounded
