"""`auffusion edit restyle|inpaint|extend|loop|upsample` as a user runs them."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from auffusion.audio import read_metadata, write_audio

COMMANDS = {
    "restyle": ["a dog", "--strength", "0.5"],
    "inpaint": ["a dog", "--interval", "0.2:0.4", "--box", "0.5:0.6:500:4000"],
    "extend": ["a dog", "--before", "0.2", "--after", "0.3"],
    "loop": ["--junction", "0.2", "--rounds", "2", "--scheduler", "ddim"],
    "upsample": ["--cutoff", "4000"],
}


@pytest.fixture
def edit(auffusion, tiny_model):
    """Run an edit on the tiny model: status, stdout, stderr."""

    def run(*words):
        few = () if "--steps" in words else ("--steps", "2")
        return auffusion("edit", *words, *few, "--model", tiny_model, "--device", "cpu")

    return run


def recording(path, rate=16_000, channels=1, subtype="PCM_16", seconds=0.8):
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((round(rate * seconds), channels))
    sf.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_file_tells_all_and_is_made_again(edit, auffusion, tmp_path, kind):
    source, file = recording(tmp_path / "in.wav"), tmp_path / "out.wav"
    status, told, error = edit(kind, source, *COMMANDS[kind], "--seed", "3", "-o", file)
    assert (status, told) == (0, f"{file}\n"), error
    record = json.loads(read_metadata(file)["comment"])
    assert record["kind"] == kind
    assert record["note"].startswith("Edited audio")
    assert record["edit"]["recording"]["name"] == str(source)
    assert record["settings"]["seed"] == 3
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.height > 2 * 256  # before and after
    again = tmp_path / "again.wav"
    status, told, error = auffusion("regenerate", file, "-o", again, "--device", "cpu")
    assert (status, error) == (0, "")
    assert told == f"{file}: identical, {sf.info(file).frames} samples\n"
    assert again.read_bytes() == file.read_bytes()


FORMS = [
    pytest.param("in.wav", 16_000, 1, "PCM_16", "wav", id="mono 16 kHz"),
    pytest.param("in.wav", 44_100, 2, "PCM_16", "flac", id="stereo 44.1 kHz"),
    pytest.param("in.flac", 48_000, 2, "PCM_24", "wav", id="24 bits"),
    pytest.param("in.wav", 44_100, 1, "FLOAT", "wav", id="floats"),
]


@pytest.mark.parametrize(("name", "rate", "channels", "subtype", "suffix"), FORMS)
def test_what_is_kept_of_a_file_is_the_same_samples(
    edit, auffusion, tmp_path, name, rate, channels, subtype, suffix
):
    source = recording(tmp_path / name, rate, channels, subtype)
    file = tmp_path / f"out.{suffix}"
    assert edit("inpaint", source, "--interval", "0.3:0.5", "-o", file)[0] == 0
    (before, _), (after, after_rate) = (sf.read(path, always_2d=True) for path in (source, file))
    assert (sf.info(file).subtype, after_rate, after.shape) == (subtype, rate, before.shape)
    first, end = round(0.3 * rate), round(0.5 * rate)
    np.testing.assert_array_equal(after[:first], before[:first])
    np.testing.assert_array_equal(after[end:], before[end:])
    assert (after != before)[first:end].mean() > 0.9
    assert auffusion("regenerate", file, "--device", "cpu")[0] == 0


def test_a_strip_of_strengths_is_several_files_and_one_picture(edit, tmp_path):
    source = recording(tmp_path / "in.wav")
    strengths = ("--strength", "0", "--strength", "0.5", "--strength", "1")
    _, told, _ = edit("restyle", source, "a dog", *strengths, "-o", tmp_path / "out")
    names = [f"in_restyle_{one}.wav" for one in ("0", "0.5", "1")]
    assert told.split() == [str(tmp_path / "out" / name) for name in names]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*names, "in_restyle.png"}
    assert edit("restyle", source, "a dog", "--strength", "0.5", "-o", tmp_path / "a.wav")[0] == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "out" / names[1]).read_bytes()
    with Image.open(tmp_path / "out/in_restyle.png") as picture:
        assert picture.height > 4 * 256


def test_json_tells_what_was_done(edit, tmp_path):
    source = recording(tmp_path / "in.wav", 8_000)
    place = ("-o", tmp_path / "out.wav", "--json", "--no-picture")
    _, told, error = edit("upsample", source, *place)
    content = json.loads(told)
    assert error == ""
    assert content["options"] == {"cutoff_hz": None, "rounds": 1}
    assert 3_500 < content["notes"]["new_above_hz"] < 4_000
    assert sf.info(tmp_path / "out.wav").samplerate == 16_000
    assert not (tmp_path / "out.png").exists()


def test_without_an_output_the_file_is_named_after_the_recording(edit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recording(tmp_path / "in.wav")
    assert edit("extend", "in.wav", "--after", "0.3", "--format", "flac")[0] == 0
    names = {"in.wav", "in_extend.flac", "in_extend.png"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_recording_that_moved_is_named_or_lies_beside(edit, auffusion, tmp_path):
    source = recording(tmp_path / "in.wav")
    (tmp_path / "a").mkdir()
    file = tmp_path / "a/out.wav"
    edit("loop", source, "--junction", "0.2", "-o", file)
    moved = tmp_path / "moved.wav"
    shutil.move(source, moved)
    status, _, error = auffusion("regenerate", file)
    assert status == 2
    assert "say where it is now with --recording" in error
    assert auffusion("regenerate", file, "--recording", moved)[0] == 0
    other = recording(tmp_path / "other.wav", seconds=0.9)
    status, _, error = auffusion("regenerate", file, "--recording", other)
    assert status == 2
    assert "was made of another recording" in error
    shutil.move(moved, tmp_path / "a/in.wav")
    assert auffusion("regenerate", file)[0] == 0


def test_a_file_that_was_changed_is_found_different(edit, auffusion, tmp_path):
    source, file = recording(tmp_path / "in.wav"), tmp_path / "out.wav"
    edit("inpaint", source, "--interval", "0.3:0.5", "-o", file)
    samples = sf.read(file, dtype="int16")[0]
    samples[100] += 3
    write_audio(tmp_path / "changed.wav", samples, metadata=read_metadata(file))
    status, told, _ = auffusion("regenerate", tmp_path / "changed.wav")
    assert status == 1
    assert told.endswith("different, 1 samples by up to 3 of 32768\n")


def test_a_record_with_damaged_options_is_refused(edit, auffusion, tmp_path):
    source, file = recording(tmp_path / "in.wav"), tmp_path / "out.wav"
    edit("inpaint", source, "--interval", "0.3:0.5", "-o", file)
    metadata, samples = read_metadata(file), sf.read(file, dtype="int16")[0]
    for change in (
        {"intervals": [[0.3]]},
        {"intervals": "0.3:0.5"},
        {"strength": "1"},
        {"rounds": True},
        {"unknown": 1},
    ):
        record = json.loads(metadata["comment"])
        record["edit"]["options"] |= change
        write_audio(file, samples, metadata=metadata | {"comment": json.dumps(record)})
        status, told, error = auffusion("regenerate", file)
        assert (status, told) == (2, "")
        assert "the options of auffusion edit inpaint" in error
        assert error.count("\n") == 1


BAD = [
    (["restyle", "no.wav", "a dog"], r"cannot read no.wav"),
    (["restyle", "in.wav", "a dog", "--strength", "2"], "--strength is 2.0, expected 0 to 1"),
    (["restyle", "in.wav", "a dog", "--strength", "0.5", "--strength", "0.5"], "the same number"),
    (["restyle", "in.wav", "a dog", "-o", "in.wav"], "would replace the recording in.wav"),
    (["restyle", "in.wav", "a dog", "-o", "a.mp3"], "must end in .wav or .flac"),
    (["restyle", "in.wav", "a dog", "--steps", "0"], "--steps is 0"),
    (["restyle", "short.wav", "a dog"], "out of range"),
    (["inpaint", "in.wav", "a dog"], "give --interval or --box"),
    (["inpaint", "in.wav", "--interval", "1"], "expected 2 numbers, as in 2.5:7.5"),
    (["inpaint", "in.wav", "--interval", "0.1:9"], "does not lie within the recording"),
    (["inpaint", "in.wav", "--interval", "0.4:0.1"], "is none"),
    (["inpaint", "in.wav", "--box", "0.1:0.2:x:9"], "expected 4 numbers"),
    (["inpaint", "in.wav", "--interval", "0.1:0.2", "--rounds", "0"], "--rounds is 0"),
    (["inpaint", "in.wav", "--interval", "0.1:0.2", "--fade", "-1"], "a cross-fade of -1 s"),
    (["inpaint", "float.wav", "--interval", "0.1:0.2", "-o", "a.flac"], "FLAC does not hold"),
    (["inpaint", "in.wav", "--interval", "0.1:0.2", "--negative", "x"], "without a prompt"),
    (
        ["inpaint", "in.wav", "--interval", "0.1:0.2", "--rounds", "2", "--scheduler", "pndm"],
        "steps from several latents",
    ),
    (["extend", "in.wav"], "give --before or --after"),
    (["extend", "in.wav", "--after", "-1"], "expected 0 or more each"),
    (["loop", "in.wav", "--junction", "5"], "does not fit into a recording"),
    (["upsample", "in.wav"], "nothing is missing|no cutoff was found"),
    (["upsample", "in.wav", "--cutoff", "20"], "a cutoff of 20 Hz is out of range"),
]


@pytest.mark.parametrize(("words", "sentence"), BAD)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    edit, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    recording("in.wav")
    recording("float.wav", subtype="FLOAT")
    recording("short.wav", seconds=0.2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    status, told, error = edit(*words)
    assert (status, told) == (2, "")
    assert error.startswith("auffusion: ")
    assert error.count("\n") == 1
    assert any(part in error for part in sentence.split("|")), error
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_recording_is_not_needed_to_make_a_generated_file_again(auffusion, tiny_model, tmp_path):
    file = tmp_path / "a.wav"
    words = ("--steps", "1", "--length", "0.64", "--model", tiny_model, "-o", file)
    assert auffusion("generate", "a dog", *words)[0] == 0
    status, _, error = auffusion("regenerate", file, "--recording", file)
    assert status == 2
    assert "was not made of a recording" in error
