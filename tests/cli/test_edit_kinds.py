"""An edit survives the record of a file, whatever its kind."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import RECORD

from auffusion.cli.edit.app import edit
from auffusion.cli.edit.edit import edit_options
from auffusion.cli.edit.extend import Extend
from auffusion.cli.edit.inpaint import Inpaint
from auffusion.cli.edit.kinds import KINDS, read_edit
from auffusion.cli.edit.loop import Loop
from auffusion.cli.edit.restyle import Restyle
from auffusion.cli.edit.upsample import Upsample
from auffusion.errors import InputError
from auffusion.studio.settings import Record, UsedEdit, UsedRecording

NUMBER = st.floats(0, 600)
OPTIONS = {
    Restyle: {"strength": NUMBER},
    Inpaint: {
        "intervals": st.lists(st.tuples(NUMBER, NUMBER), max_size=3).map(tuple),
        "boxes": st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=3).map(tuple),
        "strength": NUMBER,
        "fade_s": NUMBER,
        "rounds": st.integers(1, 100),
    },
    Extend: {"before_s": NUMBER, "after_s": NUMBER, "seam_s": NUMBER, "rounds": st.just(1)},
    Loop: {"junction_s": NUMBER, "fade_s": NUMBER, "rounds": st.just(1)},
    Upsample: {"cutoff_hz": st.none() | NUMBER, "rounds": st.just(1)},
}


def record_of(one):
    recording = UsedRecording(name="in ü.wav", identity="ef" * 32)
    return replace(
        RECORD,
        edit=UsedEdit(kind=one.kind, options=edit_options(one), recording=recording),
    )


@pytest.mark.parametrize("kind", OPTIONS)
@given(data=st.data())
def test_an_edit_survives_the_file(kind, data):
    one = kind(**data.draw(st.fixed_dictionaries(OPTIONS[kind])))
    record = record_of(one)
    metadata = record.to_metadata()
    again = Record.from_metadata(metadata, "a.wav")
    assert again == record
    assert again.kind == one.kind
    assert read_edit(again.edit, "a.wav") == one
    assert json.loads(metadata["comment"])["note"].startswith("Edited audio")


def test_every_command_has_its_kind_and_every_kind_its_command():
    commands = {command.callback.__name__ for command in edit.registered_commands}
    assert commands == set(KINDS)
    for name, kind in KINDS.items():
        assert kind.kind == name


@pytest.mark.parametrize(
    "change",
    [
        {"strength": "0.5"},
        {"strength": True},
        {"strength": None},
        {"intervals": [[0.1, 0.2, 0.3]]},
        {"intervals": [0.1]},
        {"boxes": {}},
        {"rounds": 1.0},
        {"more": 1},
    ],
)
def test_options_of_another_type_are_damage(change):
    one = Inpaint(intervals=((0.1, 0.2),), boxes=(), strength=1.0, fade_s=0.02, rounds=1)
    used = UsedEdit(kind="inpaint", options=edit_options(one) | change)
    with pytest.raises(InputError, match=r"the options of auffusion edit inpaint in a\.wav"):
        read_edit(used, "a.wav")
    missing = UsedEdit(kind="inpaint", options={"strength": 1.0})
    with pytest.raises(InputError, match="are damaged"):
        read_edit(missing, "a.wav")


def test_a_kind_of_a_later_version_is_named():
    with pytest.raises(InputError, match="auffusion edit sing, which this version does not know"):
        read_edit(UsedEdit(kind="sing", options={}), "a.wav")


def test_the_same_edit_is_told_from_another_wherever_the_recording_lies():
    record = record_of(Restyle(strength=0.5))
    moved = replace(record.edit, recording=replace(record.edit.recording, name="moved.wav"))
    assert record.makes_the_same_as(replace(record, edit=moved))
    other = replace(record.edit, recording=replace(record.edit.recording, identity="00" * 32))
    for different in (other, replace(record.edit, options={"strength": 0.6}), None):
        assert not record.makes_the_same_as(replace(record, edit=different))
        assert not replace(record, edit=different).makes_the_same_as(record)


def test_a_record_of_an_older_version_is_of_a_generated_sound():
    metadata = RECORD.to_metadata()
    content = json.loads(metadata["comment"])
    assert content.pop("kind") == "generate"
    old = Record.from_metadata(metadata | {"comment": json.dumps(content)}, "a.wav")
    assert old == RECORD
    assert asdict(old)["edit"] is None
