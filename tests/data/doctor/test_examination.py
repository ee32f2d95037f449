import hashlib

import numpy as np
import pytest
import soundfile
import soxr

from auffusion.data.doctor import Checks, check
from auffusion.executor.serial import SerialExecutor


def faults(found, sound_set, **checks):
    return [fault for _, fault in found(sound_set.path, **checks)]


@pytest.mark.parametrize("suffix", ["wav", "ogg", "mp3"])
def test_a_file_that_ends_early_is_truncated(sound_set, real, found, suffix):
    path = sound_set.store(f"cut.{suffix}", real["drums"])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sound_set.list(path.name)
    assert faults(found, sound_set) == ["truncated"]


@pytest.mark.parametrize(
    "content", [b"", b"no sound at all", b"fLaC" + bytes(9_000), b"RIFF\0\0\0\0WAVE", b"OggS" * 99]
)
def test_what_cannot_be_decoded_is_corrupt_or_truncated(sound_set, found, content):
    (sound_set.folder / "a.wav").write_bytes(content)
    sound_set.list("a.wav")
    told = faults(found, sound_set)
    assert told == (["truncated"] if content.startswith(b"OggS") else ["corrupt"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_corrupt(sound_set, found, bad):
    samples = np.zeros(16_000, np.float32)
    samples[8_000] = bad
    sound_set.store("a.wav", samples, subtype="FLOAT")
    sound_set.list("a.wav")
    assert faults(found, sound_set) == ["corrupt"]


def test_a_decoder_that_takes_too_long_is_killed(sound_set, real, found):
    # No decoder starts in a millisecond.
    sound_set.add("a.wav", real["bell"])
    assert faults(found, sound_set, seconds=0.001) == ["killed"]


def test_a_folder_in_place_of_a_sound_is_missing(sound_set, found):
    (sound_set.folder / "a.wav").mkdir()
    sound_set.list("a.wav")
    assert faults(found, sound_set) == ["missing"]


@pytest.mark.parametrize(
    ("level", "offset", "silent"),
    [(0.0, 0.0, True), (0.0, 0.5, True), (0.9e-3, 0.0, True), (1.2e-3, 0.0, False)],
)
def test_what_stays_under_a_thousandth_is_silent_and_so_is_a_constant(
    sound_set, found, level, offset, silent
):
    tone = offset + level * np.sin(np.arange(16_000) * 0.1)
    sound_set.store("a.wav", tone.astype(np.float32), subtype="FLOAT")
    sound_set.list("a.wav")
    assert faults(found, sound_set) == (["silent"] if silent else [])


@pytest.mark.parametrize(
    ("seconds", "wrong"),
    [(2.5, False), (2.54, False), (2.56, True), (2.46, False), (2.44, True), (0.0, True)],
)
def test_a_length_may_be_wrong_by_fifty_milliseconds(sound_set, real, found, seconds, wrong):
    assert len(real["bell"]) == 40_000
    sound_set.add("a.wav", real["bell"], seconds=seconds)
    assert faults(found, sound_set) == (["length"] if wrong else [])


@pytest.mark.parametrize(("seconds", "wrong"), [(20.19, False), (20.21, True)])
def test_a_long_sound_may_be_wrong_by_one_per_cent(sound_set, real, found, seconds, wrong):
    sound_set.add("a.wav", np.tile(real["bell"], 8), seconds=seconds)
    assert faults(found, sound_set) == (["length"] if wrong else [])


def test_the_hash_of_the_samples_or_of_the_file_may_stand_in_a_row(sound_set, real, found):
    path = sound_set.store("a.wav", real["bell"])
    samples = hashlib.sha256(real["bell"].astype("<i2").tobytes()).hexdigest()
    sound_set.list("a.wav", sha256=samples)
    sound_set.add("b.wav", real["crow"], sha256=samples)
    sound_set.store("c.wav", real["door"])
    whole = hashlib.sha256((sound_set.folder / "c.wav").read_bytes()).hexdigest()
    sound_set.list("c.wav", sha256=whole.upper())
    assert path.exists()
    assert found(sound_set.path) == [("b", "changed")]


def test_tops_are_looked_for_at_the_rate_at_which_they_were_cut(sound_set, real, found):
    loud = soxr.resample(real["guitar"] * (4 / 32_768), 16_000, 44_100)
    sound_set.add("a.wav", np.clip(loud, -0.5, 0.5), rate=44_100)
    assert faults(found, sound_set) == ["clipped"]


def test_of_a_long_sound_only_the_beginning_is_examined(sound_set, real, found):
    sound_set.add("a.wav", np.tile(real["bell"], 8), seconds=20.0)
    sound_set.add("b.wav", np.tile(real["crow"], 30), seconds=99.0)
    told = found(sound_set.path, longest_s=5.0)
    assert told == [("b", "length")]


def test_the_report_measures_what_it_opened(sound_set):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
    sound_set.store("a.wav", tone, subtype="FLOAT")
    sound_set.list("a.wav")
    with check(sound_set.path, SerialExecutor(), Checks()) as report:
        (split,) = report.splits
        assert (split.name, split.rows, split.hours) == ("train", 1, round(2 / 3600, 6))
        binned = {
            one.title: one.edges[one.counts.index(1) : one.counts.index(1) + 2]
            for one in report.histograms
        }
    # A sine of a half: its peak at -6.02 dB, its mean at -9.03 dB.
    assert binned == {"length": (2.0, 3.0), "peak": (-9.0, -6.0), "level": (-10.0, -5.0)}


def test_a_member_of_a_shard_that_is_no_sound_is_corrupt(sound_set, real, found):
    flac = sound_set.store("a.flac", real["bell"]).read_bytes()
    (sound_set.folder / "s.tar").write_bytes(bytes(512) + flac + bytes(999))
    sound_set.list("s.tar", id="good", offset=512, size=len(flac))
    sound_set.list("s.tar", id="bad", offset=0, size=512)
    sound_set.list("s.tar", id="far", offset=1 << 40, size=10)
    sound_set.list("s.tar", id="huge", offset=512, size=1 << 50)
    assert found(sound_set.path) == [
        ("bad", "corrupt"),
        ("far", "truncated"),
        ("huge", "truncated"),
    ]


def test_no_copies_of_members_are_left_behind(sound_set, real, found, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    flac = sound_set.store("a.flac", real["bell"]).read_bytes()
    (sound_set.folder / "s.tar").write_bytes(flac)
    sound_set.list("s.tar", offset=0, size=len(flac))
    assert found(sound_set.path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_the_samples_of_every_rate_and_format_are_read(sound_set, real, found):
    rates = {"a.wav": 8_000, "b.flac": 22_050, "c.ogg": 44_100, "d.mp3": 48_000}
    for (name, rate), sound in zip(rates.items(), ("bell", "crow", "door", "drums"), strict=True):
        soundfile.write(
            sound_set.folder / name, soxr.resample(real[sound] / 32_768, 16_000, rate), rate
        )
        sound_set.list(name)
    assert found(sound_set.path) == []


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_mutated_files_are_rows_with_faults_or_none_and_never_the_end(
    sound_set, real, found, suffix
):
    rng = np.random.default_rng(0)
    whole = sound_set.store(f"whole.{suffix}", real["drums"]).read_bytes()
    for number in range(25):
        content = bytearray(whole)
        for place in rng.integers(len(content) if number % 2 else 100, size=8):
            content[place] = int(rng.integers(256))
        (sound_set.folder / f"{number}.{suffix}").write_bytes(content)
        sound_set.list(f"{number}.{suffix}")
    sound_set.add("good.wav", real["bell"])
    told = found(sound_set.path)
    assert len({name for name, _ in told}) <= 25
    assert "good" not in dict(told)
