"""Three thousand mutated sound files: no crash, no hang, every one accounted for (A2, A5)."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auffusion.data.listing import DataSet, Listed, Rules
from auffusion.data.preparation import Limits, Preparation
from auffusion.data.prepared import PreparedData
from auffusion.executor import LocalExecutor

SOUND = Path(__file__).parents[1] / "sounds/phone.flac"
KINDS = ("wav", "flac", "ogg", "mp3", "au", "aiff")
COUNT = 3000


def mutated(data, rng):
    """A file with a few bytes changed, cut off, repeated or moved, mostly in its header."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        deed, reach = int(rng.integers(5)), len(out) if rng.random() < 0.3 else 64
        at = int(rng.integers(max(1, min(reach, len(out)))))
        if deed == 0:
            out[at : at + 1] = rng.bytes(1)
        elif deed == 1:
            out[at : at + 4] = (0, 0xFFFFFFFF, 0x7FFFFFFF)[int(rng.integers(3))].to_bytes(
                4, "little"
            )
        elif deed == 2:
            del out[int(rng.integers(1, max(2, len(out)))) :]
        elif deed == 3:
            out[at:at] = out[: int(rng.integers(64))]
        else:
            del out[at : at + int(rng.integers(1, 64))]
    return bytes(out)


def listing(source, _):
    for path in sorted(source.iterdir()):
        yield Listed(
            key=path.stem, file=path, source=path.name, captions=("a phone",), split="train"
        )


HOSTILE = DataSet(
    name="hostile",
    title="Hostile files",
    about="Mutated files.",
    homepage="",
    license="CC0-1.0",
    layout="sound files",
    read=listing,
    rules=Rules(shortest_s=0.1),
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    rng = np.random.default_rng(0)
    samples, rate = soundfile.read(SOUND, dtype="float32")
    (folder / "source").mkdir()
    originals = []
    for kind in KINDS:
        soundfile.write(folder / f"a.{kind}", samples[: rate // 2], rate)
        originals.append((kind, (folder / f"a.{kind}").read_bytes()))
    for number in range(COUNT):
        kind, data = originals[number % len(originals)]
        (folder / f"source/{number:04d}.{kind}").write_bytes(mutated(data, rng))
    job = Preparation(
        data_set=HOSTILE,
        source=folder / "source",
        output=folder / "out",
        limits=Limits(seconds=20.0, memory_mb=256, max_bad_fraction=1.0),
    )
    return job.run(LocalExecutor()), folder / "out"


def test_every_file_is_a_clip_or_a_reject_with_a_reason(prepared):
    facts, folder = prepared
    rejects = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    clips = [clip.source for clip in PreparedData(folder).clips()]
    names = clips + [reject["source"] for reject in rejects]
    assert len(names) == len(set(names)) == COUNT
    assert facts.count == len(clips)
    # Both kinds are many, or the mutations would test nothing.
    assert len(clips) > 300
    assert len(rejects) > 300
    assert all(len(reject["detail"]) > 20 for reject in rejects)
    assert {reject["reason"] for reject in rejects} <= {"damaged", "silent", "short", "killed"}


def test_what_was_taken_is_sound(prepared):
    _, folder = prepared
    data = PreparedData(folder)
    for number in range(0, len(data), 7):
        assert 0.1 <= data.seconds(number) <= 30.0
        assert data.verify(number)
