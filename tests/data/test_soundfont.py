import shutil

import mido
import pytest

from auffusion.data import soundfont
from auffusion.data.soundfont import render_slots
from auffusion.errors import InputError


def played(path):
    """(onset s, end s, channel, program, key, velocity) of each note of a MIDI file."""
    now, programs, held, notes = 0.0, {}, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "note_on":
            held[message.channel, message.note] = now, message.velocity
        elif message.type == "note_off" and (message.channel, message.note) in held:
            onset, velocity = held.pop((message.channel, message.note))
            program = programs[message.channel]
            notes.append((onset, now, message.channel, program, message.note, velocity))
    assert not held
    return sorted(notes), now


def write(path, slots):
    chosen = [(soundfont._program(k), soundfont._notes(k, caption)) for k, caption in slots]
    soundfont._midi_file(chosen).save(str(path))
    return played(path)


@pytest.mark.parametrize(
    ("caption", "key"),
    [
        ("a piano playing a long middle note, C4", 60),
        ("an oboe playing a long high note, A sharp5", 82),
        ("a tuba playing a long low note, E1", 28),
        ("a drum playing a note, C-1", 0),
        ("a harp playing a fast falling scale", None),
    ],
)
def test_the_note_named_in_a_caption_is_its_key(caption, key):
    # Key 60 is C4, twelve to an octave.
    assert soundfont._named_key(caption) == key


@pytest.mark.parametrize(
    ("slot", "channel", "program"),
    [
        (0, 0, 0),
        (1199, 0, 119),
        (1200, 0, 120),
        (1223, 0, 127),
        (1224, 9, 0),
        (1290, 9, 0),
        (1302, 9, 8),
        (1361, 9, 40),
    ],
)
def test_a_slot_has_its_instrument(slot, channel, program):
    assert soundfont._program(slot) == (channel, program)


def test_slots_follow_each_other_every_six_seconds(tmp_path):
    notes, end = write(
        tmp_path / "a.mid", [(401, "a trumpet playing a long middle note, D4"), (1225, "a kick")]
    )
    assert end == pytest.approx(12.0)
    first, second = notes
    assert first == pytest.approx((0.05, 3.05, 0, 40, 62, 100), abs=1e-3)
    assert second == pytest.approx((6.05, 6.55, 9, 0, 36, 120), abs=1e-3)


@pytest.mark.parametrize("phrase", range(10))
@pytest.mark.parametrize("program", [0, 33, 72])
def test_every_phrase_ends_before_the_next_slot(tmp_path, program, phrase):
    notes, end = write(tmp_path / "a.mid", [(10 * program + phrase, "an instrument")])
    assert end == pytest.approx(6.0)
    assert max(note[1] for note in notes) <= 5.3
    assert all(20 <= note[4] <= 110 for note in notes)


def test_a_repeated_note_is_struck_sixteen_times(tmp_path):
    notes, _ = write(tmp_path / "a.mid", [(3, "a piano repeating a short note quickly")])
    assert [note[4] for note in notes] == [60] * 16
    assert [note[0] for note in notes] == pytest.approx([0.05 + 0.2 * i for i in range(16)])


def test_scales_and_chords_are_what_they_are_called(tmp_path):
    def intervals(phrase):
        notes, _ = write(tmp_path / "a.mid", [(phrase, "a piano")])
        return [note[4] - 60 for note in notes]

    major = [0, 2, 4, 5, 7, 9, 11, 12]
    assert intervals(4) == major
    assert intervals(5) == major[::-1]
    assert sorted(intervals(6)) == [0, 4, 7]
    assert sorted(intervals(7)) == [0, 3, 7]


def test_thirty_three_drums_are_hit_softly_and_hard():
    hits = [soundfont._notes(slot, "a drum")[0] for slot in range(1224, 1290)]
    assert len({hit[2] for hit in hits}) == 33
    assert [hit[3] for hit in hits[:2]] == [55, 120]


@pytest.mark.parametrize("beat", range(12))
def test_a_beat_lasts_most_of_its_slot(tmp_path, beat):
    notes, end = write(tmp_path / "a.mid", [(1290 + beat, "a drum kit")])
    assert end == pytest.approx(6.0)
    assert 2.5 <= max(note[1] for note in notes) <= 5.4
    assert len(notes) > 8


def test_without_fluidsynth_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="install the package fluidsynth"):
        render_slots({0: "a piano"}, tmp_path / "a.sf3", 32_000)


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="needs fluidsynth")
def test_a_soundfont_that_is_none_is_refused_and_not_rendered_as_silence(tmp_path):
    (tmp_path / "a.sf3").write_bytes(b"no soundfont")
    with pytest.raises(InputError, match=r"fluidsynth could not render .*a\.sf3"):
        render_slots({0: "a piano"}, tmp_path / "a.sf3", 16_000)
