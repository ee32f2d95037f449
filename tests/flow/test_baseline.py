"""`auffusion baseline`, from the command line to the file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_rivals import write_audioldm, write_tangoflux

from auffusion.audio import read_metadata
from auffusion.baselines import BASELINES

SHORT = ("--steps", 1, "--length", 0.1, "--device", "cpu")


@pytest.fixture(scope="module")
def tangoflux(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rivals") / "tangoflux"
    write_tangoflux(folder)
    return folder


@pytest.fixture
def captions(tmp_path):
    path = tmp_path / "captions.csv"
    path.write_text("name,caption,seed\nY1.wav,a dog barks,7\nY2.wav,rain,\n")
    return path


def test_the_list_names_every_baseline(auffusion):
    status, out, err = auffusion("baseline", "list")
    assert (status, err) == (0, "")
    for entry in BASELINES.values():
        assert f"{entry.name}: {entry.title} ({entry.license})" in out
    assert "weights declare-lab/tango, 5.3 GB, not here" in out
    assert "200 steps, guidance 3.0, 10.0 s" in out


def test_the_list_in_json(auffusion):
    status, out, _ = auffusion("baseline", "list", "--json")
    found = {one["name"]: one for one in json.loads(out)}
    assert status == 0
    assert list(found) == list(BASELINES)
    assert found["tangoflux"]["companions"] == ["google/flan-t5-large"]
    assert found["riffusion-retrained"]["repository"] is None


def test_a_list_is_made_and_made_once(auffusion, tangoflux, captions, tmp_path):
    output = tmp_path / "out"
    words = ("baseline", "generate", "tangoflux", "--from", captions, "-o", output)
    words += ("--model", tangoflux, *SHORT)
    status, out, err = auffusion(*words)
    assert (status, err) == (0, "")
    assert out.split() == [str(output / "Y1.wav"), str(output / "Y2.wav")]
    settings = json.loads(read_metadata(output / "Y1.wav")["comment"])["settings"]
    assert (settings["prompt"], settings["seed"], settings["steps"]) == ("a dog barks", 7, 1)
    before = {path: path.stat().st_mtime_ns for path in output.iterdir()}
    (output / "Y2.wav").unlink()
    status, out, _ = auffusion(*words, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert [(one["prompt"], one["made"]) for one in told] == [
        ("a dog barks", False),
        ("rain", True),
    ]
    assert (output / "Y1.wav").stat().st_mtime_ns == before[output / "Y1.wav"]


def test_a_list_of_prompts_alone_is_named_by_them(auffusion, tangoflux, tmp_path):
    source = tmp_path / "prompts.txt"
    source.write_text("a dog barks\n")
    words = ("baseline", "generate", "tangoflux", "--from", source, "-o", tmp_path / "out")
    status, out, _ = auffusion(*words, "--model", tangoflux, "--seed", 3, *SHORT)
    assert status == 0
    assert out.split() == [str(tmp_path / "out" / "a_dog_barks_3.wav")]


def test_a_rival_loads_without_a_word(auffusion, captions, tmp_path):
    folder = tmp_path / "ldm"
    write_audioldm(folder, pickled=True)
    words = ("baseline", "generate", "audioldm-l-full", "--from", captions, "-o", tmp_path / "out")
    status, _, err = auffusion(*words, "--model", folder, *SHORT)
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("musiclm", (), "there is no baseline 'musiclm'"),
        ("tango", (), "tango needs declare-lab/tango"),
        ("tango", ("--steps", 0), "steps is 0, expected 1 or more"),
        ("tango", ("--length", 60), "tango makes sounds of up to 10.24 s"),
        ("audiogen-v2-medium", ("--steps", 5), "has no denoising steps"),
        ("tango", ("--model", "nowhere"), "there is no model 'nowhere'"),
    ],
)
def test_what_is_wrong_is_one_sentence(auffusion, captions, tmp_path, name, more, said):
    output = tmp_path / "out"
    status, out, err = auffusion(
        "baseline", "generate", name, "--from", captions, "-o", output, *more
    )
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not output.exists()


def test_a_list_with_lengths_is_refused(auffusion, tangoflux, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"prompt": "rain", "length": 3}\n')
    words = ("baseline", "generate", "tangoflux", "--from", source, "-o", tmp_path / "out")
    status, _, err = auffusion(*words, "--model", tangoflux)
    assert status == 2
    assert "leave the columns negative and length out" in err


GUIDE = Path(__file__).parents[2] / "docs/guides/baselines.md"


def test_the_guide_tells_what_the_catalogue_tells():
    rows = re.findall(
        r"^\| `([\w-]+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", GUIDE.read_text(), re.MULTILINE
    )
    assert [row[0] for row in rows] == list(BASELINES)
    for name, weights, size, _, run in rows:
        entry = BASELINES[name]
        ids = [entry.weights.id, *(part.id for part in entry.companions.values())]
        assert [i for i in ids if i] == re.findall(r"`([\w-]+/[\w-]+)`", weights)
        assert size == (f"{entry.size_gb} GB" if entry.weights.id else "none")
        numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", run)]
        sampling = entry.sampling
        asked = [n for n in (sampling.steps, sampling.guidance, sampling.length_s) if n is not None]
        assert [n for n in numbers if n != 250] == asked


def test_the_guides_commands_run(auffusion):
    text = GUIDE.read_text()
    commands = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert commands == ["auffusion baseline list\n"]
    assert auffusion(*commands[0].split()[1:])[0] == 0
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
