import json
import sys
from pathlib import Path

import pytest

from auffusion.cli import main

HERE = Path(__file__).parent
# The imitations of the data sets are those of the preparers' tests.
sys.path[:0] = [str(HERE), str(HERE.parent / "preparers")]


class Videos:
    """YouTube as `stub_yt_dlp.py` shows it.

    Args:
        folder: where the commands are.
    """

    def __init__(self, folder):
        self.folder = folder
        self.plan = {}

    def hold(self, action, *ids, value=None):
        """What is to come of videos; a sound unless something else is said."""
        sound = str(self.folder / "ten.flac")
        self.plan |= dict.fromkeys(ids, (action, value or sound))
        (self.folder / "plan.json").write_text(json.dumps(self.plan))

    def asked(self):
        """What yt-dlp was called with, since last asked."""
        diary = self.folder / "diary.jsonl"
        lines = diary.read_text().splitlines() if diary.exists() else []
        diary.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def ids(self):
        """The videos that were asked for, since last asked."""
        return sorted(one["words"][-1][-11:] for one in self.asked())


@pytest.fixture
def videos(tmp_path_factory, monkeypatch):
    """A yt-dlp and an ffmpeg on the path, and nothing else but the interpreter."""
    from imitations import write_sound

    folder = tmp_path_factory.mktemp("commands")
    script = (HERE / "stub_yt_dlp.py").read_text(encoding="utf-8")
    for name, text in (("yt-dlp", f"#!{sys.executable}\n{script}"), ("ffmpeg", "#!/bin/sh\n")):
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    write_sound(folder / "ten.flac", "crow", 10, 48_000, 2)
    monkeypatch.setenv("PATH", str(folder))
    return Videos(folder)


@pytest.fixture
def auffusion(capsys):
    """Run the real command in this process: status, stdout and stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def prepare(auffusion, tmp_path):
    """Run the real preparation of a folder; the clips of its manifest by key."""

    def run(name, source):
        output = tmp_path / "prepared"
        words = ("--source", source, "--output", output, "--executor", "here")
        # The imitations hold planted faults.
        words = (*words, "--max-bad-fraction", 1)
        status, _, told = auffusion("data", "prepare", name, *words)
        assert status == 0, told
        rows = map(json.loads, (output / "manifest.jsonl").read_text().splitlines())
        return {row["id"].partition("/")[2] or row["id"]: row for row in rows}

    return run
