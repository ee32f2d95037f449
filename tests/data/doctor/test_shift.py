import json
from pathlib import Path

import pytest

from auffusion.data.doctor.shift import SHIFTS, ShiftDetector, ShiftedRun
from auffusion.data.doctor.words import words_in, words_of_name

THINGS = [
    *("dog", "train", "rain", "clock", "piano", "siren", "wolf", "kettle", "drill", "goat"),
    *("bell", "crow", "engine", "river", "thunder", "violin", "baby", "crowd", "frog", "hammer"),
]
LISTED = Path(__file__).parents[3] / "src/auffusion/data/preparers/embedded_sounds.jsonl"


def runs(rows):
    """The runs of (caption, name) pairs."""
    detector = ShiftDetector()
    found = []
    for caption, name in rows:
        found += detector.add(words_in([caption]), words_of_name(name, ()))
    return [*found, *detector.end()]


def slipped(names, shift, first, last):
    """Captions that fit, but for a stretch whose captions are those `shift` rows further on."""
    return [
        (f"a {names[place + shift if first <= place <= last else place]} is heard", f"{name}.wav")
        for place, name in enumerate(names)
    ]


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_slip_of_up_to_three_rows_is_told_where_it_is(shift):
    told = runs(slipped(THINGS, shift, 5, 14))
    assert told == [ShiftedRun(first=5, last=14, shift=shift, votes=10)]


@pytest.mark.parametrize(("length", "told"), [(3, 0), (4, 1)])
def test_four_rows_make_a_slip_and_three_do_not(length, told):
    assert len(runs(slipped(THINGS, 1, 5, 4 + length))) == told


def test_a_slip_that_lasts_to_the_end_is_told():
    rows = slipped(THINGS, -1, 8, len(THINGS) - 1)
    assert runs(rows) == [ShiftedRun(first=8, last=19, shift=-1, votes=12)]


def test_a_slip_of_four_rows_is_not_told():
    assert runs(slipped(THINGS, 4, 5, 14)) == []


def test_captions_that_fit_are_not_shifted():
    assert runs(slipped(THINGS, 0, 0, 0)) == []


def test_names_without_words_are_no_witness():
    assert (
        runs([(caption, f"{n:06}.wav") for n, (caption, _) in enumerate(slipped(THINGS, 1, 5, 14))])
        == []
    )


def test_captions_that_never_speak_of_the_names_are_not_shifted():
    assert runs([("people talk in a hall", f"{name}.wav") for name in THINGS]) == []


def test_many_takes_of_one_thing_are_not_shifted():
    rows = [(f"a {name} is heard", f"{name}-{take}.wav") for name in THINGS for take in range(6)]
    assert runs(rows) == []


def test_a_pause_of_three_rows_is_bridged_and_one_of_four_ends_the_run():
    rows = slipped(THINGS, 1, 2, 17)
    for silent, runs_told in ((range(8, 11), 1), (range(8, 12), 2)):
        paused = [
            ("people talk", name) if place in silent else (caption, name)
            for place, (caption, name) in enumerate(rows)
        ]
        assert len(runs(paused)) == runs_told


def test_the_real_captions_of_the_embedded_set_are_not_shifted_and_are_told_when_they_are():
    rows = [json.loads(line) for line in LISTED.read_text().splitlines()]
    fit = [(row["captions"][0], row["source"]) for row in rows if "captions" in row]
    assert len(fit) > 3_000
    assert runs(fit) == []
    moved = [(fit[place + 1][0], name) for place, (_, name) in enumerate(fit[:-1])]
    assert sum(run.last - run.first + 1 for run in runs(moved) if run.shift == 1) > 100
