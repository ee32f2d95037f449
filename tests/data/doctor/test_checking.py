import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from auffusion.data.doctor import Checks, Fault, Severity, check, write_report
from auffusion.data.listing import DataSet, Listed, Rules
from auffusion.data.preparation import Preparation
from auffusion.errors import InputError
from auffusion.executor.local import LocalExecutor
from auffusion.executor.serial import SerialExecutor

# What is planted: the row, and its fault. The four shifted rows are one fault.
PLANTED = [
    ("clips.jsonl:13", "row"),
    ("../burp.flac", "path"),
    ("bell", "repeated"),
    ("mute-caption", "caption-empty"),
    ("epic", "caption-long"),
    ("gone", "missing"),
    ("noise", "corrupt"),
    ("stump", "truncated"),
    ("nothing", "silent"),
    ("overdriven", "clipped"),
    ("longish", "length"),
    ("replaced", "changed"),
    ("blacklisted", "leak-sets"),
    ("take-one", "leak-splits"),
    ("crow-again", "duplicate"),
    ("door-encoded", "near-duplicate"),
    ("orphan", "license-unknown"),
    ("unsaleable", "license-restricted"),
    ("slip-steam", "captions-shifted"),
    ("slip-vinyl", "captions-shifted"),
    ("slip-guitar", "captions-shifted"),
    ("slip-phone", "captions-shifted"),
]


def add_clean(sound_set, real):
    for name, samples in real.items():
        sound_set.add(f"{name}.flac", samples)


def plant(sound_set, real, tmp_path):
    """A fault of every kind that a file can have, after the clean rows."""
    add_clean(sound_set, real)
    sound_set.lines.append('{"id": "half a row"')
    sound_set.list("../burp.flac", id=None)
    sound_set.add("again.wav", real["roll"][:16_000], id="bell")
    sound_set.add("mute-caption.wav", real["till"][:14_000], captions=["  "])
    sound_set.add("epic.wav", real["drums"][:13_000], captions=["la " * 3_334])
    sound_set.list("gone.wav")
    (sound_set.folder / "noise.flac").write_bytes(b"fLaC" + bytes(range(256)) * 20)
    sound_set.list("noise.flac")
    whole = sound_set.store("stump.wav", real["guitar"]).read_bytes()
    (sound_set.folder / "stump.wav").write_bytes(whole[: len(whole) // 2])
    sound_set.list("stump.wav")
    sound_set.add("nothing.wav", np.zeros(16_000, np.int16))
    loud = np.clip(real["burp"] * 8.0, -32_768, 32_767).astype(np.int16)
    sound_set.add("overdriven.wav", loud)
    sound_set.add("longish.wav", real["printer"][:17_000], seconds=1.2)
    sound_set.add("replaced.wav", real["printer"][-15_000:], sha256="0" * 64)
    sound_set.add("blacklisted.wav", real["roll"][-17_500:], origin="youtube:rqu8iB22I_Y")
    sound_set.add("take-one.wav", real["steam"][:18_500], origin="freesound:7")
    sound_set.add("take-two.wav", real["steam"][-19_500:], origin="freesound:7", split="test")
    sound_set.add("crow-again.wav", real["crow"])
    soundfile.write(sound_set.folder / "door-encoded.ogg", real["door"], 16_000)
    sound_set.list("door-encoded.ogg")
    sound_set.add("orphan.wav", real["guitar"][:11_000], license=None)
    sound_set.add("unsaleable.wav", real["guitar"][-12_000:], license="CC-BY-NC-4.0")
    slipped = ["steam", "vinyl", "guitar", "phone", "drums"]
    for place, name in enumerate(slipped[:-1]):
        caption = f"somebody recorded {slipped[place + 1]}"
        sound_set.add(f"slip-{name}.wav", real[name][300 : 9_000 + 700 * place], captions=[caption])
    sound_set.add("slip-drums.wav", real["drums"][-8_000:], captions=["nothing of the kind"])
    blacklist = tmp_path / "blacklist.json"
    blacklist.write_text(json.dumps({"AudioSet": ["Yrqu8iB22I_Y.wav"], "FreeSound": []}))
    return blacklist


def test_a_clean_set_has_no_findings(sound_set, real, found):
    add_clean(sound_set, real)
    assert found(sound_set.path) == []


def test_exactly_what_was_planted_is_found(sound_set, real, found, tmp_path):
    blacklist = plant(sound_set, real, tmp_path)
    assert len({fault for _, fault in PLANTED}) >= 15
    assert {fault for _, fault in PLANTED} == {*Fault} - {"killed"}
    assert sorted(found(sound_set.path, against=(blacklist,))) == sorted(PLANTED)


def test_the_findings_do_not_depend_on_who_looks(sound_set, real, tmp_path):
    blacklist = plant(sound_set, real, tmp_path)
    written = []
    for name, executor, block in (
        ("one", SerialExecutor(), 128),
        ("two", LocalExecutor(workers=2), 3),
    ):
        checks = Checks(against=(blacklist,), block=block)
        with check(sound_set.path, executor, checks) as report:
            write_report(report, tmp_path / name)
        written.append(
            {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}
        )
    assert written[0] == written[1]
    assert sorted(written[0]) == [
        "clean.jsonl",
        "findings.jsonl",
        "rejects.jsonl",
        "report.html",
        "report.json",
    ]


def test_a_check_changes_nothing_of_the_set(sound_set, real, found):
    sound_set.add("bell.flac", real["bell"])
    before = {path: path.read_bytes() for path in sound_set.folder.iterdir()}
    found(sound_set.path)
    assert {path: path.read_bytes() for path in sound_set.folder.iterdir()} == before


def test_too_much_that_is_bad_is_refused_and_warnings_are_not(sound_set, real):
    add_clean(sound_set, real)
    sound_set.list("gone.wav")
    sound_set.add("orphan.wav", real["guitar"][:11_000], license=None)
    with check(sound_set.path, SerialExecutor()) as report:
        assert (report.rows, report.rejected, report.warned) == (14, 1, 1)
        report.refuse_above(1 / 14)
        with pytest.raises(InputError, match=r"1 of 14 rows of clips.jsonl .*\(1 missing\)"):
            report.refuse_above()


def test_a_fault_can_be_made_to_mean_something_else(sound_set, real):
    sound_set.add("orphan.wav", real["guitar"], license=None)
    strict = Checks(severities={Fault.LICENSE_UNKNOWN: Severity.ERROR})
    with check(sound_set.path, SerialExecutor(), strict) as report:
        assert report.rejected == 1


def test_the_progress_is_told_block_by_block(sound_set, real):
    add_clean(sound_set, real)
    told = []
    with check(sound_set.path, SerialExecutor(), Checks(block=5), on_block=told.append):
        pass
    assert [one.examined for one in told] == [5, 10, 12]


def test_an_empty_list_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(InputError, match="lists no sounds"):
        check(tmp_path / "a.jsonl", SerialExecutor())


def test_csv_with_a_header_is_read_as_json_lines_are(sound_set, real, found):
    sound_set.store("bell.wav", real["bell"])
    sound_set.store("crow.wav", real["crow"])
    table = sound_set.folder / "clips.csv"
    table.write_text(
        "path,captions,split,seconds,license\n"
        'bell.wav,"[""a bell"", ""it rings""]",train,9,CC0-1.0\n'
        "crow.wav,,val,,CC0-1.0\n"
    )
    assert found(table) == [("bell.wav", "length"), ("crow.wav", "caption-empty")]


def test_csv_without_a_column_of_files_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,caption\na,b\n")
    with pytest.raises(InputError, match="no column that names a sound"):
        check(tmp_path / "a.csv", SerialExecutor())


@pytest.fixture
def prepared(real, tmp_path):
    """A prepared data set of twelve sounds, two of them to test with."""
    source = tmp_path / "published"
    source.mkdir()
    for name, samples in real.items():
        soundfile.write(source / f"{name}.wav", samples, 16_000)

    def read(folder, _work):
        for name in sorted(real):
            yield Listed(
                key=name,
                file=folder / f"{name}.wav",
                source=f"{name}.wav",
                captions=(f"a {name}",),
                split="test" if name in {"bell", "till"} else "train",
                license="CC0-1.0",
            )

    data_set = DataSet(
        name="tiny",
        title="Tiny",
        about="Twelve sounds.",
        homepage="-",
        license="CC0-1.0",
        layout="sounds",
        read=read,
        rules=Rules(shortest_s=0.1),
    )
    output = tmp_path / "prepared"
    Preparation(data_set=data_set, source=source, output=output).run(SerialExecutor())
    return output


def test_a_prepared_set_is_clean(prepared, found):
    assert found(prepared) == []


def test_a_shard_that_was_cut_short_costs_the_clips_behind_the_cut(prepared, found):
    shard = prepared / "shards" / "train-00000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    told = found(prepared)
    assert {fault for _, fault in told} == {"truncated"}
    assert 0 < len(told) < 10


def test_a_flipped_byte_in_a_shard_is_told_by_the_hash_or_the_decoder(prepared, found):
    rows = [json.loads(line) for line in (prepared / "manifest.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["id"] == "tiny-crow")
    shard = prepared / row["path"]
    content = bytearray(shard.read_bytes())
    content[row["offset"] + row["size"] // 2] ^= 1
    shard.write_bytes(content)
    told = found(prepared)
    assert [name for name, _ in told] == ["tiny-crow"]
    assert told[0][1] in {"changed", "corrupt"}


def test_the_report_is_not_written_into_a_prepared_set(prepared):
    before = (prepared / "rejects.jsonl").read_bytes()
    with (
        check(prepared, SerialExecutor()) as report,
        pytest.raises(InputError, match="name another folder"),
    ):
        write_report(report, prepared)
    assert (prepared / "rejects.jsonl").read_bytes() == before


def test_a_prepared_set_whose_manifest_lost_a_line_is_refused(prepared):
    manifest = prepared / "manifest.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match="has 11 clips, expected 12"):
        check(prepared, SerialExecutor())


def test_only_the_judged_splits_of_another_set_are_held_against_it(
    prepared, sound_set, real, found
):
    sound_set.add("clock.wav", real["bell"])
    sound_set.add("bird.wav", real["crow"])
    assert found(sound_set.path, against=(prepared,)) == [("clock", "leak-sets")]


def test_another_set_is_held_against_by_what_it_sounds_like(other_set, sound_set, real, found):
    other_set.add("bell.wav", real["bell"])
    sound_set.add("quiet.wav", (real["bell"] * 0.3).astype(np.int16))
    assert found(sound_set.path, against=(other_set.path,)) == [("quiet", "leak-sets")]


def test_a_set_that_was_changed_after_the_check_cannot_be_reported(sound_set, real, tmp_path):
    sound_set.add("bell.wav", real["bell"])
    with check(sound_set.path, SerialExecutor()) as report:
        sound_set.list("more.wav")
        with pytest.raises(InputError, match="changed during the check"):
            write_report(report, tmp_path / "report")
    assert not list((tmp_path / "report").iterdir())


def test_a_set_is_not_held_against_itself(sound_set, real):
    sound_set.add("bell.wav", real["bell"])
    with pytest.raises(InputError, match="is the data set itself"):
        check(sound_set.path, SerialExecutor(), Checks(against=(sound_set.path,)))


def test_an_interrupted_check_leaves_nothing_behind(sound_set, real, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    add_clean(sound_set, real)
    before = sorted(tmp_path.rglob("*"))

    def interrupt(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(sound_set.path, LocalExecutor(workers=1), Checks(block=2), on_block=interrupt)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_workers_start_without_torch():
    program = "import sys, auffusion.data.doctor.examination; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
