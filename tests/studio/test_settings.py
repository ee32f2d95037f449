import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import RECORD

from auffusion.errors import InputError
from auffusion.studio.settings import Record, Settings

TEXT = st.text(st.characters(codec="utf-8"))


@given(
    st.builds(
        Settings,
        prompt=TEXT,
        negative=st.none() | TEXT,
        seed=st.integers(0, 2**32 - 1),
        steps=st.integers(1, 1000),
        guidance=st.none() | st.floats(0, 100),
        length_s=st.none() | st.floats(0.5, 600),
        scheduler=st.just("dpm++"),
        dtype=st.just("float32"),
    )
)
def test_a_record_survives_the_file(settings):
    record = replace(RECORD, settings=settings)
    metadata = record.to_metadata()
    assert Record.from_metadata(metadata, "a.wav") == record
    assert metadata["comment"].isascii()
    assert not any("\0" in text for text in metadata.values())


def test_a_file_says_that_it_was_generated_and_by_what():
    content = json.loads(RECORD.to_comment())
    assert content["note"].startswith("Generated audio")
    assert content["model"] == {"name": "embedded", "sha256": "ab" * 32}
    assert RECORD.to_metadata()["software"] == "auffusion 0.1.0"


def test_the_same_sound_is_told_from_another():
    assert RECORD.makes_the_same_as(replace(RECORD, version="0.2.0", model="moved", samples=""))
    assert not RECORD.makes_the_same_as(replace(RECORD, identity="00" * 32))
    assert not RECORD.makes_the_same_as(replace(RECORD, settings=replace(RECORD.settings, seed=1)))


def damaged(change):
    content = json.loads(RECORD.to_comment())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "recorded in my garden",
        "[]",
        "7",
        "{}",
        "[" * 100_000,
        damaged(lambda content: content.pop("model")),
        damaged(lambda content: content.update(settings=[1, 2])),
        damaged(lambda content: content["settings"].update(steps="25")),
        damaged(lambda content: content["settings"].update(prompt=None)),
        damaged(lambda content: content["settings"].update(unknown=1)),
        damaged(lambda content: content["settings"].update(steps=0)),
        damaged(lambda content: content["settings"].pop("seed")),
        damaged(lambda content: content["model"].update(sha256=7)),
    ],
)
def test_a_file_without_a_whole_record_is_refused(comment):
    with pytest.raises(InputError, match=r"a\.wav carries no settings of auffusion"):
        Record.from_metadata({"comment": comment}, "a.wav")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": 0}, "--steps is 0"),
        ({"steps": -3}, "--steps is -3"),
        ({"guidance": -1.0}, r"--guidance is -1\.0"),
        ({"guidance": float("nan")}, "--guidance is nan"),
        ({"length_s": 0.0}, r"--length is 0\.0"),
        ({"length_s": float("inf")}, "--length is inf"),
        ({"seed": -2}, "the seed -2 is not within"),
        ({"prompt": "\udcff"}, "bytes that are not UTF-8"),
    ],
)
def test_a_number_out_of_range_is_refused(values, sentence):
    with pytest.raises(InputError, match=sentence):
        Settings(**values)
