import json

import numpy as np
import pytest
import soundfile

from auffusion.data.doctor import Checks, check
from auffusion.executor.serial import SerialExecutor


def details(source, **checks):
    with check(source, SerialExecutor(), Checks(**checks)) as report:
        return [(one.id, one.fault.value, one.detail) for one in report.findings()]


def test_of_several_copies_the_first_stays(sound_set, real):
    for name in ("one", "two", "three"):
        sound_set.add(f"{name}.wav", real["bell"])
    assert details(sound_set.path) == [
        ("two", "duplicate", "its samples are those of clips.jsonl:1 (one)"),
        ("three", "duplicate", "its samples are those of clips.jsonl:1 (one)"),
    ]


def test_a_copy_of_a_row_that_goes_anyway_stays(sound_set, real, found):
    sound_set.add("one.wav", real["bell"], captions=[""])
    sound_set.add("two.wav", real["bell"])
    assert found(sound_set.path) == [("one", "caption-empty")]


def test_two_rows_of_one_file_are_duplicates(sound_set, real, found):
    sound_set.add("one.wav", real["bell"])
    sound_set.list("one.wav", id="again", captions=["other words"])
    assert found(sound_set.path) == [("again", "duplicate")]


def test_equal_captions_are_no_fault(sound_set, real, found):
    sound_set.add("one.wav", real["bell"], captions=["a sound"], split="train")
    sound_set.add("two.wav", real["crow"], captions=["a sound"], split="test")
    assert found(sound_set.path) == []


@pytest.mark.parametrize(
    ("one", "other", "rejected"),
    [
        ("train", "test", ["first"]),
        ("test", "train", ["second"]),
        ("train", "validation", ["first"]),
        ("validation", "test", ["first"]),
        ("dev", "evaluation", ["first"]),
        ("test", "test", []),
        (None, "train", []),
    ],
)
@pytest.mark.parametrize("by", ["origin", "source"])
def test_a_leak_rejects_the_row_that_is_trained_on(
    sound_set, real, found, one, other, rejected, by
):
    given = {"origin": {"origin": "youtube:x"}, "source": {"source": "tape.wav"}}[by]
    sound_set.add("first.wav", real["bell"], split=one, **given)
    sound_set.add("second.wav", real["crow"], split=other, **given)
    assert found(sound_set.path) == [(name, "leak-splits") for name in rejected]


def test_the_same_samples_in_two_splits_are_a_leak(sound_set, real):
    sound_set.add("first.wav", real["bell"], split="train")
    sound_set.add("second.wav", real["bell"], split="train")
    sound_set.add("third.wav", real["bell"], split="test")
    told = "its samples are those of clips.jsonl:3 (third) in test"
    assert details(sound_set.path) == [
        ("first", "leak-splits", told),
        ("second", "leak-splits", told),
    ]


def test_a_louder_encoded_copy_in_two_splits_is_a_leak(sound_set, real, found):
    sound_set.add("judged.wav", real["guitar"], split="test")
    soundfile.write(sound_set.folder / "copy.mp3", real["guitar"] * 0.5 / 32_768, 16_000)
    sound_set.list("copy.mp3")
    assert found(sound_set.path) == [("copy", "leak-splits")]


def test_a_near_copy_of_a_row_that_leaks_stays(sound_set, real, found):
    sound_set.add("first.wav", real["bell"], origin="youtube:x")
    sound_set.add("second.wav", -real["bell"])
    sound_set.add("third.wav", real["crow"], origin="youtube:x", split="test")
    assert found(sound_set.path) == [("first", "leak-splits")]


def test_a_data_set_named_as_the_source_is_no_file(sound_set, real, found):
    sound_set.add("first.wav", real["bell"], source="FreeSound", split="train")
    sound_set.add("second.wav", real["crow"], source="FreeSound", split="test")
    assert found(sound_set.path) == []


def test_a_repeated_id_rejects_the_later_row_only(sound_set, real):
    sound_set.add("one.wav", real["bell"], id=7)
    sound_set.add("two.wav", real["crow"], id="7")
    sound_set.add("three.wav", real["door"], id="8")
    assert details(sound_set.path) == [("7", "repeated", "its id is that of clips.jsonl:1 (7)")]


def test_ids_of_two_manifests_have_nothing_to_do_with_each_other(sound_set, other_set, real, found):
    sound_set.add("one.wav", real["bell"], id="1")
    other_set.add("other.wav", real["crow"], id="1")
    assert found(sound_set.path, against=(other_set.path,)) == []


LISTS = {
    "ids.txt": "bell\nrqu8iB22I_Y\n\n",
    "test.csv": "audiocap_id,youtube_id,start_time,caption\n1,rqu8iB22I_Y,30,a bell\n",
    "blacklist.json": json.dumps({"AudioSet": ["Yrqu8iB22I_Y.wav"], "FreeSound": ["12"]}),
    "plain.json": json.dumps(["rqu8iB22I_Y"]),
    "clips.jsonl": json.dumps(
        {"path": "gone.wav", "caption": "x", "origin": "youtube:rqu8iB22I_Y"}
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_kind_of_list_is_held_against_the_origins(sound_set, real, found, tmp_path, name):
    path = tmp_path / name
    path.write_text(LISTS[name])
    sound_set.add("clip.wav", real["bell"], origin="youtube:rqu8iB22I_Y")
    sound_set.add("other.wav", real["crow"], origin="youtube:rqu8iB22I_Z")
    assert found(sound_set.path, against=(path,)) == [("clip", "leak-sets")]


def test_a_plain_list_is_held_against_the_ids_too(sound_set, real, found, tmp_path):
    (tmp_path / "ids.txt").write_text("clip\nclip-2.wav\n")
    sound_set.add("clip.wav", real["bell"])
    sound_set.add("clip-2.wav", real["crow"])
    sound_set.add("clip-3.wav", real["door"])
    told = found(sound_set.path, against=(tmp_path / "ids.txt",))
    assert told == [("clip", "leak-sets"), ("clip-2", "leak-sets")]


def test_several_sets_are_held_against_it_at_once(sound_set, other_set, real, tmp_path):
    (tmp_path / "ids.txt").write_text("freesound:5\n")
    other_set.add("a.wav", real["crow"])
    sound_set.add("one.wav", real["crow"])
    sound_set.add("two.wav", real["door"], origin="freesound:5")
    checks = Checks(against=(other_set.path, tmp_path / "ids.txt"))
    with check(sound_set.path, SerialExecutor(), checks) as report:
        assert [one.id for one in report.findings()] == ["one", "two"]
        assert [(one.name, one.rows, one.opened) for one in report.held] == [
            ("clips.jsonl", 1, 1),
            ("ids.txt", 1, 0),
        ]


def test_silent_rows_are_not_duplicates_of_each_other(sound_set, found):
    for name in ("one", "two"):
        sound_set.add(f"{name}.wav", np.zeros(16_000, np.int16))
    assert found(sound_set.path) == [("one", "silent"), ("two", "silent")]
