"""`auffusion edit swap`, `refine` and `reweight` as a user runs them."""

import json

import pytest
import torch
from PIL import Image

from auffusion.audio import inspect_audio, read_audio, read_metadata, write_audio
from auffusion.cli.edit.words import read_weights
from auffusion.errors import InputError

SHORT = ("--length", "0.64", "--steps", "2", "--device", "cpu")
SOURCE, TARGET = "a dog barking", "a bird singing"


@pytest.fixture
def edit(auffusion, tiny_model, tmp_path):
    """Run one kind of edit into a folder of one's own."""

    def run(kind, *words, output=None, short=SHORT):
        place = ("-o", output or tmp_path / "out")
        status, told, error = auffusion("edit", kind, *words, "--model", tiny_model, *short, *place)
        assert status == 0, error
        return told, error

    return run


@pytest.mark.parametrize(
    ("kind", "words"),
    [("swap", [TARGET]), ("refine", ["a loud dog barking"]), ("reweight", ["dog=2", "barking=-1"])],
)
def test_a_file_tells_all_and_is_made_again(edit, auffusion, tiny_model, tmp_path, kind, words):
    told, _ = edit(kind, SOURCE, *words, output=tmp_path / "sound.wav")
    file = tmp_path / "sound.wav"
    assert told.splitlines() == [str(file)]
    assert inspect_audio(file).duration_s == pytest.approx(0.64)
    record = json.loads(read_metadata(file)["comment"])
    assert record["kind"] == kind
    assert record["edit"]["options"]["source"] == SOURCE
    with Image.open(file.with_suffix(".png")) as picture:
        assert picture.height > 2 * 256  # before and after
    status, told, error = auffusion("regenerate", file, "--model", tiny_model, "--device", "cpu")
    assert (status, error) == (0, "")
    assert "identical" in told


def test_the_source_of_a_swap_is_what_generate_makes(edit, auffusion, tiny_model, tmp_path):
    """Without its windows, and to itself, an edit is the source."""
    edit("swap", SOURCE, SOURCE, "--seed", "4", output=tmp_path / "edited.wav")
    where = ("--model", tiny_model, *SHORT, "--seed", "4", "-o", tmp_path / "made.wav")
    assert auffusion("generate", SOURCE, *where)[0] == 0
    edited, made = (
        read_audio(tmp_path / f"{n}.wav", sample_rate=16_000) for n in ("edited", "made")
    )
    assert (edited - made).abs().max() <= 2e-4 * made.abs().max() + 1e-4


def test_several_targets_and_weights_are_an_edit_each_and_one_picture(edit, tmp_path):
    edit("swap", SOURCE, TARGET, "a cow mooing")
    edit("reweight", SOURCE, "dog=0,1,2")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    swaps = {f"a_dog_barking_swap_{n}.wav" for n in (1, 2)} | {"a_dog_barking_swap.png"}
    weights = {f"a_dog_barking_reweight_{n}.wav" for n in (1, 2, 3)}
    assert names == swaps | weights | {"a_dog_barking_reweight.png"}
    with Image.open(tmp_path / "out/a_dog_barking_reweight.png") as picture:
        assert picture.height > 4 * 256


def test_windows_reach_the_edit(edit):
    windows = ("--cross-steps", "0.2:0.6", "--cross-steps", "singing=1", "--self-steps", "1")
    told, _ = edit("swap", SOURCE, TARGET, *windows, "--local", "--json")
    options = json.loads(told)["options"]
    assert options["cross"] == [0.2, 0.6]
    assert options["word_windows"] == [["singing", 0, 1]]
    assert options["own"] == [0, 1]
    assert options["local"] is True


@pytest.mark.parametrize("method", ["ddpm", "ddim", "null-text"])
def test_a_recording_is_edited_and_its_error_told(
    edit, auffusion, tiny_model, tmp_path, bell, method
):
    options = ("--recording", bell, "--inversion", method)
    short = ("--steps", "1", "--device", "cpu")
    _, error = edit("swap", SOURCE, TARGET, *options, output=tmp_path / "sound.wav", short=short)
    assert "reconstruction error" in error
    file = tmp_path / "sound.wav"
    assert inspect_audio(file).duration_s == pytest.approx(inspect_audio(bell).duration_s, abs=1e-3)
    status, told, _ = auffusion("regenerate", file, "--model", tiny_model, "--device", "cpu")
    assert status == 0
    assert "identical" in told


@pytest.fixture
def bell(tmp_path):
    path, seconds = tmp_path / "bell.wav", torch.arange(10_240) / 16_000
    ringing = torch.sin(2 * torch.pi * 880 * seconds) * torch.exp(-5 * seconds)
    write_audio(path, ringing.numpy(), sample_rate=16_000)
    return path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["swap", SOURCE, "a very loud dog barking"], "use refine"),
        (["swap", SOURCE, TARGET, "--cross-steps", "soon"], "is no number of steps"),
        (["swap", SOURCE, TARGET, "--cross-steps", "1.5"], "cannot reach to 1.5"),
        (["swap", SOURCE, TARGET, "--cross-steps", "cow=0.5"], "which no prompt contains"),
        (["reweight", SOURCE, "dog"], "is no word and its weight"),
        (["reweight", SOURCE, "dog=much"], "is no word and its weight"),
        (["reweight", SOURCE, "dog=1,2", "barking=1,2,3"], "different numbers of weights"),
        (["reweight", SOURCE, "cow=2"], "has no word 'cow'"),
        (["refine", SOURCE, SOURCE, "--local"], "no word is changed"),
        (["swap", SOURCE, TARGET, "--recording", "none.wav"], "none.wav"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    auffusion, tiny_model, tmp_path, words, sentence
):
    short = () if "--recording" in words else SHORT
    where = ("--model", tiny_model, *short, "-o", tmp_path / "sound.wav")
    status, _, error = auffusion("edit", *words, *where)
    assert status == 2
    assert sentence in error
    assert not (tmp_path / "sound.wav").exists()


def test_a_weight_is_of_a_word_or_of_its_index():
    assert read_weights(["dog=2", "0=0.5"], SOURCE) == [{"dog": 2.0, 0: 0.5}]
    assert read_weights(["911=2"], "call 911") == [{"911": 2.0}]
    assert read_weights(["a=1", "dog=1,2"], SOURCE) == [{"a": 1.0, "dog": w} for w in (1.0, 2.0)]
    with pytest.raises(InputError, match="no word and its weight"):
        read_weights(["2"], SOURCE)


def test_generate_weights_words_and_writes_them_down(auffusion, tiny_model, tmp_path):
    for name, prompt in (("plain", SOURCE), ("weighted", "a (dog:3.0) barking")):
        where = ("--model", tiny_model, *SHORT, "-o", tmp_path / f"{name}.wav")
        assert auffusion("generate", prompt, *where)[0] == 0
    plain, weighted = (
        read_audio(tmp_path / f"{n}.wav", sample_rate=16_000) for n in ("plain", "weighted")
    )
    assert (plain - weighted).abs().max() > 1e-3
    file = tmp_path / "weighted.wav"
    assert json.loads(read_metadata(file)["comment"])["settings"]["prompt"] == "a (dog:3.0) barking"
    status, told, _ = auffusion("regenerate", file, "--model", tiny_model, "--device", "cpu")
    assert status == 0
    assert "identical" in told
