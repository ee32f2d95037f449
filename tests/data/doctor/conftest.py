import json
from pathlib import Path

import pytest
import soundfile

from auffusion.data.doctor import Checks, check
from auffusion.executor.serial import SerialExecutor

SOUNDS = Path(__file__).parents[2] / "sounds"


class SoundSet:
    """A set of loose sounds that grows row by row."""

    def __init__(self, folder, name="clips.jsonl"):
        self.folder = folder
        self.path = folder / name
        self.lines = []
        folder.mkdir(parents=True, exist_ok=True)

    def store(self, name, samples, rate=16_000, **how):
        """A sound file, and nothing in the list."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, rate, **how)
        return path

    def list(self, name, **given):
        """A row, and no sound."""
        row = {
            "id": Path(name).stem,
            "path": name,
            "captions": [f"the sound of a {Path(name).stem}"],
            "split": "train",
            "license": "CC0-1.0",
        }
        row = {key: value for key, value in (row | given).items() if value is not None}
        self.lines.append(json.dumps(row))
        self.path.write_text("".join(f"{line}\n" for line in self.lines))
        return row

    def add(self, name, samples, rate=16_000, **given):
        """A sound and its row."""
        self.store(name, samples, rate)
        return self.list(name, **given)


@pytest.fixture(scope="session")
def real():
    """The real sounds: 16-bit samples at 16 kHz by name."""
    return {
        path.stem: soundfile.read(path, dtype="int16")[0] for path in sorted(SOUNDS.glob("*.flac"))
    }


@pytest.fixture
def sound_set(tmp_path):
    return SoundSet(tmp_path / "set")


@pytest.fixture
def other_set(tmp_path):
    return SoundSet(tmp_path / "other")


@pytest.fixture
def found():
    """(id or place, fault) of all findings of a check, in order."""

    def run(source, **checks):
        with check(source, SerialExecutor(), Checks(**checks)) as report:
            return [(one.id or one.place, one.fault.value) for one in report.findings()]

    return run
