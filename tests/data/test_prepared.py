import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auffusion.data.listing import DataSet, Listed
from auffusion.data.preparation import Limits, Preparation
from auffusion.data.prepared import PreparedData, read_facts
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor

SOUNDS = sorted((Path(__file__).parents[1] / "sounds").glob("*.flac"))
LONG = [path for path in SOUNDS if soundfile.info(path).duration >= 1]


def read(source, _):
    for number, path in enumerate(sorted(source.glob("*.flac"))):
        yield Listed(
            key=path.stem,
            file=path,
            source=path.name,
            captions=(f"a {path.stem}",),
            split=("train", "train", "validation", "test")[number % 4],
        )


TINY = DataSet(
    name="tiny",
    title="Tiny",
    about="Twelve sounds.",
    homepage="",
    license="CC0-1.0",
    layout="FLAC files",
    read=read,
)


def prepare(output, source=SOUNDS[0].parent, data_set=TINY, clips=3, **limits):
    job = Preparation(
        data_set=data_set,
        source=source,
        output=output,
        shard_clips=clips,
        limits=Limits(**limits),
    )
    return job.run(SerialExecutor())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    output = tmp_path_factory.mktemp("prepared") / "tiny"
    prepare(output)
    return output


def test_clips_are_read_by_number_as_the_manifest_says(folder):
    data = PreparedData(folder)
    assert len(data) == len(LONG)
    by_source = {path.name: soundfile.read(path, dtype="int16")[0] for path in LONG}
    for number, clip in enumerate(data.clips()):
        np.testing.assert_array_equal(data.samples(number), by_source.pop(clip.source))
        assert data.seconds(number) == clip.seconds == len(data.samples(number)) / 16_000
        assert data.verify(number)
    assert by_source == {}


def test_splits_are_ranges_and_make_up_the_whole(folder):
    data = PreparedData(folder)
    ranges = [data.of_split(split) for split in ("train", "validation", "test")]
    assert [number for part in ranges for number in part] == list(range(len(data)))
    for split, part in zip(("train", "validation", "test"), ranges, strict=True):
        assert {data.clip(number).split for number in part} == {split}
        assert read_facts(folder).clips[split] == len(part)


def test_a_clips_shard_and_place_are_those_of_the_index(folder):
    data = PreparedData(folder)
    places = [data.shard_of(number) for number in range(len(data))]
    for shard, facts in enumerate(data.facts.shards):
        assert [place for at, place in places if at == shard] == list(range(facts["clips"]))
        assert facts["clips"] <= 3


def test_it_can_be_sent_to_another_process(folder):
    data = pickle.loads(pickle.dumps(PreparedData(folder)))
    assert data.clip(0) == PreparedData(folder).clip(0)


@pytest.fixture
def copy(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_run_that_is_not_finished_is_no_data_set(copy):
    (copy / "prepared.json").unlink()
    with pytest.raises(InputError, match="holds no finished data set"):
        PreparedData(copy)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("prepared.json", b"{", "is damaged"),
        ("prepared.json", b'{"clips": {}}', "is damaged"),
        ("index.npy", b"", "cannot be read"),
        ("index.npy", b"\x93NUMPY\x01\x00" + b"x" * 100, "cannot be read"),
    ],
)
def test_damage_is_told_by_the_file(copy, name, content, sentence):
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        PreparedData(copy)


def test_another_index_does_not_fit(copy):
    np.save(copy / "index.npy", np.zeros(3))
    with pytest.raises(InputError, match="not laid out as expected"):
        PreparedData(copy)


def test_a_changed_sample_is_found(copy):
    data = PreparedData(copy)
    shard = copy / data.facts.shards[0]["name"]
    clip = data.clip(0)
    content = bytearray(shard.read_bytes())
    content[clip.offset + clip.size // 2] ^= 0xFF
    shard.write_bytes(content)
    # FLAC may notice by itself, or decode something else.
    assert _notices(data)


def _notices(data):
    try:
        return not data.verify(0)
    except InputError as error:
        return "is damaged" in str(error)


def test_what_is_left_out_stands_in_the_rejects(folder):
    lines = (folder / "rejects.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["source"] for line in lines) == ["burp.flac", "crow.flac"]
    facts = read_facts(folder)
    assert facts.rejects == {"short": 2}
    total = sum(soundfile.info(path).duration for path in SOUNDS)
    assert facts.hours_original == pytest.approx(total / 3600, abs=1e-5)


def test_keys_that_come_twice_are_kept_once(tmp_path):
    def twice(source, work):
        yield from read(source, work)
        yield from read(source, work)

    facts = prepare(tmp_path / "out", data_set=replace(TINY, read=twice))
    assert facts.count == len(LONG)
    assert facts.rejects == {"repeated": 12, "short": 2}


def test_too_much_that_is_bad_fails_and_says_where_to_look(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(SOUNDS[0].parent, source)
    for name in ("door", "till"):
        (source / f"{name}.flac").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"2 of 12 clips are bad .* see .*rejects\.jsonl"):
        prepare(tmp_path / "out", source)
    assert not (tmp_path / "out/manifest.jsonl").exists()
    assert prepare(tmp_path / "out", source, max_bad_fraction=0.2).rejects == {
        "damaged": 2,
        "short": 2,
    }


def test_missing_sounds_are_counted_and_only_too_many_fail(tmp_path):
    def half(source, work):
        for number, one in enumerate(read(source, work)):
            yield one
            if number % 2:
                (source / one.source).unlink()

    source = tmp_path / "source"
    shutil.copytree(SOUNDS[0].parent, source)
    data_set = replace(TINY, read=half)
    with pytest.raises(InputError, match=r"clips are missing .* more than the share of 0\.1"):
        prepare(tmp_path / "one", source, data_set, max_missing_fraction=0.1)


def test_a_folder_of_other_things_is_not_written_to(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds files that are not ours: choose an empty folder"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_of_another_data_set_is_not_written_to(copy):

    with pytest.raises(InputError, match="holds the data set tiny: choose an empty folder"):
        prepare(copy, data_set=replace(TINY, name="other"))


def test_nothing_left_to_prepare_is_told_with_the_reason(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(InputError, match="none of 0 listed clips could be prepared"):
        prepare(tmp_path / "out", tmp_path / "source")


def test_a_file_that_changed_is_prepared_anew_and_what_went_away_goes(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(SOUNDS[0].parent, source)
    prepare(tmp_path / "out", source)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/shards").iterdir()}
    (source / "steam.flac").write_bytes((source / "vinyl.flac").read_bytes())
    prepare(tmp_path / "out", source)
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/shards").iterdir()}
    assert before.keys() == after.keys()
    assert len([name for name in before if before[name] != after[name]]) == 1
    for path in sorted(source.glob("*.flac"))[4:]:
        path.unlink()
    facts = prepare(tmp_path / "out", source)
    assert [p.name for p in sorted((tmp_path / "out/shards").iterdir())] == sorted(
        Path(shard["name"]).name for shard in facts.shards
    )
    # The one sound of validation is too short: it has a record and no shard.
    assert len(list((tmp_path / "out/parts").iterdir())) == len(facts.shards) + 1
