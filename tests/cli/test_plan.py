from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auffusion.cli.choices import FileKind
from auffusion.cli.plan import choose_destination, make_folder, plan_sounds, slug
from auffusion.errors import InputError
from auffusion.studio.rows import Row
from auffusion.studio.settings import Settings

PROMPTS = st.sampled_from(["rain", "hail", "a dog", "A dog!", "犬", "", "/../x"])


def seeds(sounds):
    return {sound.name: (sound.settings.prompt, sound.settings.seed) for sound in sounds}


def test_samples_of_a_prompt_have_seeds_in_a_row():
    sounds = plan_sounds([Row(prompt="rain")], Settings(seed=5), 3)
    assert seeds(sounds) == {f"rain_{seed}": ("rain", seed) for seed in (5, 6, 7)}


def test_a_row_decides_before_the_command_line():
    row = Row(prompt="rain", negative="wind", seed=9, length_s=2.0, name="x")
    (sound,) = plan_sounds([row], Settings(seed=1, negative="-", length_s=5.0, steps=3), 1)
    want = Settings(prompt="rain", negative="wind", seed=9, length_s=2.0, steps=3)
    assert (sound.name, sound.settings) == ("x", want)


@given(st.lists(PROMPTS, min_size=1, max_size=8), st.integers(1, 3), st.randoms())
def test_order_and_neighbours_never_change_a_sound(prompts, count, random):
    rows = [Row(prompt=prompt) for prompt in prompts]
    whole = seeds(plan_sounds(rows, Settings(), count))
    assert len(whole) == len(rows) * count
    random.shuffle(rows)
    assert seeds(plan_sounds(rows, Settings(), count)) == whole
    part = seeds(plan_sounds(rows[: len(rows) // 2 + 1], Settings(), count))
    assert part.items() <= whole.items()


def test_a_row_that_stands_twice_counts_twice():
    sounds = plan_sounds(
        [Row(prompt="rain"), Row(prompt="hail"), Row(prompt="rain")], Settings(), 2
    )
    assert [sound.name for sound in sounds] == [
        *("rain_0", "rain_1", "hail_0", "hail_1", "rain_2", "rain_3")
    ]


def test_a_named_row_keeps_its_name_and_is_numbered_only_where_it_must_be():
    rows = [Row(prompt="rain", name="x")]
    assert [sound.name for sound in plan_sounds(rows, Settings(), 1)] == ["x"]
    assert [sound.name for sound in plan_sounds(rows, Settings(seed=4), 2)] == ["x_4", "x_5"]
    assert [sound.name for sound in plan_sounds(rows * 2, Settings(), 1)] == ["x", "x_1"]


def test_two_sounds_never_share_a_file():
    rows = [Row(prompt="rain", name="x"), Row(prompt="hail", name="X")]
    with pytest.raises(InputError, match="2 sounds would be named x"):
        plan_sounds(rows, Settings(), 1)
    with pytest.raises(InputError, match="named rain_1"):
        plan_sounds([Row(prompt="rain", seed=0), Row(prompt="rain", seed=1)], Settings(), 2)


def test_a_seed_past_the_last_is_refused():
    with pytest.raises(InputError, match="seed 4294967296 is not within"):
        plan_sounds([Row(prompt="rain")], Settings(seed=2**32 - 1), 2)


def test_a_plain_prompt_is_its_own_name():
    assert slug("a dog barking 2 times") == "a_dog_barking_2_times"


@given(st.text(max_size=300))
def test_any_prompt_has_a_name_that_every_disk_takes(prompt):
    name = slug(prompt)
    assert 0 < len(name.encode()) <= 70
    assert all(letter.isalnum() or letter == "_" for letter in name)


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_prompts_have_two_names(first, second):
    assert first == second or slug(first) != slug(second)


def test_what_else_a_row_says_is_in_the_name():
    names = {slug("rain"), slug("rain", "wind"), slug("rain", None, 2.0), slug("rain", "", None)}
    assert len(names) == 4


def test_a_name_that_ends_in_wav_or_flac_is_a_file(tmp_path):
    for name, kind in [("a.wav", "wav"), ("a.FLAC", "flac")]:
        place = choose_destination(tmp_path / name, None, 1)
        assert (place.file, place.kind) == (tmp_path / name, kind)


def test_any_other_name_is_a_folder_that_need_not_exist(tmp_path):
    (tmp_path / "old.wav").mkdir()
    sound = plan_sounds([Row(prompt="rain")], Settings(), 1)[0]
    for name in ["new/deep", "old.wav", "v1.5"]:
        place = choose_destination(tmp_path / name, FileKind.FLAC, 9)
        assert place.path_of(sound) == tmp_path / name / "rain_0.flac"
    assert choose_destination(None, None, 9).path_of(sound) == Path("rain_0.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.wav"]


@pytest.mark.parametrize(
    ("output", "kind", "count", "sentence"),
    [
        ("a.wav", None, 2, "2 sounds do not fit into the one file"),
        ("a.wav", FileKind.FLAC, 1, "--format flac and the file name .* contradict"),
        ("a.mp3", None, 1, r"must end in \.wav or \.flac"),
        ("no/a.wav", None, 1, "its folder does not exist"),
        ("file/deep", None, 1, "cannot write to the folder"),
    ],
)
def test_a_place_that_cannot_be_is_refused(tmp_path, output, kind, count, sentence):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=sentence):
        choose_destination(tmp_path / output, kind, count)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create the folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(InputError, match="null byte"):
        make_folder(tmp_path / "nul\0")
