"""`auffusion evaluate` and `compare` as a user runs them, on real sounds."""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluate"))

from small_extractor import Bands

from auffusion.evaluate import extractors

SOUNDS = Path(__file__).parents[1] / "sounds"


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    """Every network of a protocol is a small one."""
    known = dict.fromkeys(extractors.EXTRACTORS, lambda name, _: Bands(name))
    monkeypatch.setattr(extractors, "EXTRACTORS", known)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Recordings and two systems, the second of which is noisier."""
    root = tmp_path_factory.mktemp("systems")
    generator = np.random.default_rng(0)
    for name, level in (("real", 0.0), ("good", 0.005), ("bad", 0.2)):
        (root / name).mkdir()
        for path in sorted(SOUNDS.glob("*.flac")):
            samples, rate = sf.read(path)
            noise = level * generator.normal(size=samples.shape)
            sf.write(root / name / f"{path.stem}.wav", samples + noise, rate)
    with (root / "captions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", "caption"])
        rows.writerows([path.name, f"a {path.stem}"] for path in (root / "real").iterdir())
    return root


@pytest.fixture
def measure(auffusion, folders, tmp_path):
    """Measure a system: status, stdout, stderr and the place of the result file."""

    def run(system, *words, protocol="packaged", draws=20):
        output = tmp_path / f"{system}-{Path(protocol).stem}.json"
        told = auffusion(
            *("evaluate", folders / system, folders / "real", "--protocol", protocol),
            *("--output", output, "--bootstrap", draws, "--cache", tmp_path / "cache"),
            *words,
        )
        return (*told, output)

    return run


@pytest.fixture
def small_protocol(tmp_path):
    """The paper's protocol in a file of one's own, but for its pieces."""
    shipped = Path(extractors.__file__).parent / "protocols" / "auffusion-2024.toml"
    (tmp_path / "mine.toml").write_text(shipped.read_text())
    return tmp_path / "mine.toml"


def test_a_system_is_measured_and_told(measure, folders):
    captions = ("--captions", folders / "captions.csv")
    status, out, err, output = measure("good", *captions, protocol="auffusion-2024")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "good, protocol auffusion-2024"
    for line, title in zip(lines[2:7], ("FD", "FAD", "KL", "IS", "CLAP"), strict=True):
        assert line.startswith(title)
        assert re.search(r"\[-?[\d.]+, -?[\d.]+\]", line)
    assert any(line.startswith("generated: 12 clips of") for line in lines)
    content = json.loads(output.read_text())
    assert content["protocol"]["name"] == "auffusion-2024"
    assert content["extractors"]["vggish"]["weights"] == Bands.weights
    assert len(content["scores"]) == 5


def test_a_protocol_of_ones_own_and_some_of_its_scores(measure, small_protocol):
    words = ("--scores", "fd_cnn14", "--scores", "is_cnn14", "--no-controls", "--name", "ours")
    status, out, _, output = measure("good", *words, protocol=small_protocol)
    assert status == 0
    assert out.splitlines()[0] == "ours, protocol mine"
    assert [one["name"] for one in json.loads(output.read_text())["scores"]] == [
        "fd_cnn14",
        "is_cnn14",
    ]


def test_the_result_can_be_printed(measure):
    status, out, _, output = measure("good", "--json", protocol="reconstruction", draws=0)
    assert status == 0
    assert json.loads(out) == json.loads(output.read_text())


def test_systems_are_compared_in_every_form(measure, auffusion, tmp_path):
    files = [measure(name, protocol="reconstruction")[3] for name in ("good", "bad")]
    status, out, err = auffusion("compare", *files, "--plots", tmp_path / "plots")
    assert (status, err) == (0, "")
    assert re.search(r"^bad - good .* worse", out, re.MULTILINE)
    for name in ("intervals.png", "clips.png"):
        with Image.open(tmp_path / "plots" / name) as image:
            assert image.size[0] > 1000
    _, latex, _ = auffusion("compare", *files, "--format", "latex")
    assert latex.count(r"\begin{tabular}{lrrr}") == 2
    _, markdown, _ = auffusion("compare", *files, "--format", "markdown")
    assert markdown.startswith("| system | Spectral distance [dB] ↓ |")
    place = tmp_path / "table.json"
    assert auffusion("compare", *files, "--format", "json", "-o", place)[:2] == (0, "")
    told = json.loads(place.read_text())["differences"]
    assert [one["better"] for one in told] == [False] * 3


def test_the_protocols_are_listed(auffusion):
    status, out, _ = auffusion("evaluate", "--protocols")
    assert status == 0
    assert re.search(r"^auffusion-2024: ", out, re.MULTILINE)
    assert "    fd_aisfx, kad_aisfx, kl_ucs69, kl_ucs79" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--protocol", "fid"), "there is no protocol 'fid'"),
        (("--protocol", "auffusion-2024"), "compares sounds with captions"),
        (("--scores", "fd"), "the protocol packaged has no score 'fd'"),
        (("--bootstrap", 1), "1 draws and a level of 0.95 make no interval"),
        (("--level", 95), "make no interval"),
        (("--unpaired",), "compares pairs of clips"),
        (("--captions", "nowhere.csv"), "cannot read nowhere.csv"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_sentence(measure, words, sentence):
    status, out, err, output = measure("good", *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert sentence in err
    assert not output.exists()


def test_captions_that_do_not_say_whose_they_are_are_refused(measure, tmp_path):
    lists = {
        "words.txt": ("rain\n", "does not say which clip the caption 'rain' belongs to"),
        "twice.csv": ("name,caption\nbell,a\nbell,b\n", "has two captions for bell"),
    }
    for name, (text, sentence) in lists.items():
        (tmp_path / name).write_text(text)
        words = ("--captions", tmp_path / name)
        status, _, err, _ = measure("good", *words, protocol="auffusion-2024")
        assert status == 2
        assert sentence in err


def test_results_of_other_protocols_are_not_compared(measure, auffusion):
    files = [
        measure(name, "--name", name, protocol=protocol, draws=0)[3]
        for name, protocol in (("good", "reconstruction"), ("bad", "audioldm-eval"))
    ]
    status, _, err = auffusion("compare", *files)
    assert status == 2
    assert "good and bad cannot be compared: they differ in the protocol" in err
    assert auffusion("compare", files[0])[2].startswith("auffusion: a comparison needs at least")
