import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from auffusion.audio import read_metadata
from auffusion.studio.studio import Studio

QUICK = ("--steps", "2")


@pytest.fixture
def generate(auffusion, tiny_model):
    """`auffusion generate` on the tiny model, two steps."""

    def run(*words):
        return auffusion("generate", *words, "--model", tiny_model, *QUICK)

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def record(path):
    return json.loads(read_metadata(path)["comment"])


def test_a_sentence_becomes_a_sound(generate, tmp_path):
    status, out, err = generate("a dog barking", "-o", tmp_path / "dog.wav")
    assert (status, out, err) == (0, f"{tmp_path / 'dog.wav'}\n", "")
    samples, rate = sf.read(tmp_path / "dog.wav")
    assert (rate, samples.shape) == (16_000, (40_960,))  # the tiny model's window of 2.56 s
    assert np.isfinite(samples).all()
    assert samples.std() > 0


def test_the_same_command_gives_the_same_file_and_another_seed_another(generate, tmp_path):
    for name, seed in [("a.wav", 3), ("b.wav", 3), ("c.wav", 4)]:
        generate("a dog barking", "-o", tmp_path / name, "--seed", seed)
    same, again, other = (contents(tmp_path)[f"{name}.wav"] for name in "abc")
    assert same == again
    assert not np.array_equal(np.frombuffer(same[44:], "<i2", 40_960), other[44:])
    assert sf.read(tmp_path / "a.wav")[0].tolist() != sf.read(tmp_path / "c.wav")[0].tolist()


def test_a_file_carries_all_that_made_it(generate, tiny_model, tmp_path):
    generate("dog", "-o", tmp_path / "dog.flac", "--negative", "rain", "--guidance", "3")
    stored = record(tmp_path / "dog.flac")
    assert stored["settings"] == {
        "prompt": "dog",
        "negative": "rain",
        "seed": 0,
        "steps": 2,
        "guidance": 3.0,
        "length_s": 2.56,
        "scheduler": "dpm++",
        "dtype": "float32",
    }
    assert stored["model"]["name"] == str(tiny_model)
    assert len(stored["model"]["sha256"]) == 64
    assert "Generated audio" in stored["note"]


def test_every_setting_changes_the_sound(generate, tmp_path):
    changes = [
        (),
        ("--negative", "rain"),
        ("--guidance", "1"),
        ("--scheduler", "euler-a"),
        ("--seed", "1"),
        ("--length", "1"),
    ]
    for number, change in enumerate(changes):
        generate("dog", "-o", tmp_path / f"{number}.wav", *change)
    sounds = {sf.read(path, dtype="int16")[0].tobytes() for path in tmp_path.iterdir()}
    assert len(sounds) == len(changes)


@pytest.mark.parametrize(("length", "samples"), [("0.5", 8_000), ("3.01", 48_160)])
def test_a_sound_is_as_long_as_asked_for(generate, tmp_path, length, samples):
    generate("dog", "-o", tmp_path / "dog.wav", "--length", length)
    assert sf.info(tmp_path / "dog.wav").frames == samples


def test_many_sounds_go_to_a_folder_under_their_prompts_and_seeds(generate, tmp_path):
    folder = tmp_path / "new" / "sounds"
    status, out, _ = generate("dog", "rain", "--count", "2", "--seed", "5", "-o", folder)
    assert status == 0
    names = ["dog_5.wav", "dog_6.wav", "rain_5.wav", "rain_6.wav"]
    assert [path.name for path in sorted(folder.iterdir())] == names
    assert out.splitlines() == [str(folder / name) for name in names]


def test_a_sound_does_not_depend_on_its_neighbours(generate, tmp_path):
    generate("dog", "rain", "hail", "--count", "2", "-o", tmp_path / "together")
    generate("hail", "dog", "-o", tmp_path / "fewer")
    together, fewer = contents(tmp_path / "together"), contents(tmp_path / "fewer")
    assert fewer.items() <= together.items()


def test_results_are_told_as_json_lines(generate, tmp_path):
    (tmp_path / "list.csv").write_text("caption,seed\ndog,7\nrain,\n")
    _, out, _ = generate("--from", tmp_path / "list.csv", "-o", tmp_path / "out", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["prompt"], line["seed"], line["made"]) for line in lines] == [
        ("dog", 7, True),
        ("rain", 0, True),
    ]
    assert lines[0]["file"] == str(tmp_path / "out" / "dog_7.wav")


def test_a_spectrogram_is_drawn_beside_the_sound(generate, tmp_path):
    generate("dog", "-o", tmp_path / "dog.wav", "--spectrogram")
    with Image.open(tmp_path / "dog.png") as picture:
        assert picture.size[0] > 600
        colours = len(picture.convert("RGB").getcolors(1 << 24))
    assert colours > 20


def test_a_random_seed_is_printed_and_makes_the_sound_again(generate, tmp_path):
    _, _, err = generate("dog", "-o", tmp_path / "a.wav", "--seed", "-1")
    seed = err.split()[1]
    assert record(tmp_path / "a.wav")["settings"]["seed"] == int(seed)
    generate("dog", "-o", tmp_path / "b.wav", "--seed", seed)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_what_a_prompt_lost_is_told(generate, tmp_path):
    prompt = " ".join(["dog"] * 400)
    status, out, err = generate(prompt, "-o", tmp_path / "dog.wav", "--json")
    assert status == 0
    assert "dog" in json.loads(out)["truncated"]
    assert err.startswith("auffusion: warning: ")


def test_a_finished_list_is_left_as_it_is(generate, tmp_path):
    (tmp_path / "list.txt").write_text("dog\nrain\n")
    words = ("--from", tmp_path / "list.txt", "-o", tmp_path / "out", "--json")
    generate(*words)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    _, out, _ = generate(*words)
    assert [json.loads(line)["made"] for line in out.splitlines()] == [False, False]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_only_what_is_missing_damaged_or_made_otherwise_is_made_again(generate, tmp_path):
    (tmp_path / "list.txt").write_text("dog\nrain\nhail\nwind\n")
    folder = tmp_path / "out"
    words = ("--from", tmp_path / "list.txt", "-o", folder, "--json")
    generate(*words)
    whole = contents(folder)
    (folder / "dog_0.wav").unlink()
    damaged = bytearray(whole["rain_0.wav"])
    damaged[1_000] ^= 1
    (folder / "rain_0.wav").write_bytes(damaged)
    generate("hail", "-o", folder, "--guidance", "2")
    _, out, _ = generate(*words)
    assert [json.loads(line)["made"] for line in out.splitlines()] == [True, True, True, False]
    assert contents(folder) == whole


@pytest.fixture
def interruptible():
    """A run in the background of a shell is started with the interrupt signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_list_goes_on_where_it_stopped(generate, tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("dog\nrain\nhail\n")
    words = ("--from", tmp_path / "list.txt", "-o", tmp_path / "out", "--json")
    make, calls = Studio.make, []

    def interrupted(studio, settings, on_step):
        calls.append(settings.prompt)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return make(studio, settings, on_step)

    monkeypatch.setattr(Studio, "make", interrupted)
    status, _, err = generate(*words)
    assert (status, err) == (130, "auffusion: interrupted\n")
    assert list(contents(tmp_path / "out")) == ["dog_0.wav"]
    _, out, _ = generate(*words)
    assert [json.loads(line)["made"] for line in out.splitlines()] == [False, True, True]
    generate(*words[:3], tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_killed_list_goes_on_where_it_stopped(generate, tiny_model, tmp_path):
    (tmp_path / "list.txt").write_text("dog\nrain\n" + "".join(f"{n}\n" for n in range(3)))
    words = ["--from", tmp_path / "list.txt", "-o", tmp_path / "out"]
    command = [sys.executable, "-m", "auffusion.cli", "generate", *words, "-m", tiny_model, *QUICK]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    while not (tmp_path / "out" / "rain_0.wav").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    for path in (tmp_path / "out").glob("*.wav"):
        assert sf.info(path).frames == 40_960
    assert generate(*words)[0] == 0
    generate(*words[:3], tmp_path / "whole")
    finished = {name: data for name, data in contents(tmp_path / "out").items() if name[0] != "."}
    assert finished == contents(tmp_path / "whole")
