"""`auffusion data`, from a folder of sounds to what training reads; every mistake one sentence."""

import json
import shutil
from pathlib import Path

import pytest

from auffusion.data.prepared import PreparedData
from auffusion.train.latent_cache import LatentCache
from auffusion.train.text_cache import TextCache

SOUNDS = Path(__file__).parents[1] / "sounds"


@pytest.fixture
def source(tmp_path):
    """A user's own folder: real sounds and a table of captions."""
    folder = tmp_path / "mine"
    shutil.copytree(SOUNDS, folder)
    lines = ["file_name,caption,license"]
    lines += [f"{path.name},a {path.stem},CC0-1.0" for path in sorted(folder.glob("*.flac"))]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def prepared(source, auffusion, tmp_path):
    status, out, err = auffusion("data", "prepare", "folder", "-s", source, "-o", tmp_path / "set")
    assert (status, err) == (0, "")
    assert "10 clips (10 train)" in out
    assert "left out: 2 short" in out
    return tmp_path / "set"


def test_the_list_names_every_data_set_of_the_paper(auffusion):
    status, out, _ = auffusion("data", "list", "--json")
    told = {one["name"]: one for one in json.loads(out)}
    assert status == 0
    assert {"audiocaps", "clotho", "macs", "esc50", "urbansound8k", "musical-instruments"} | {
        "gtzan",
        "wavcaps-bbc",
        "wavcaps-freesound",
        "wavcaps-audioset-sl",
        "wavcaps-soundbible",
    } <= told.keys()
    for one in told.values():
        assert one["homepage"].startswith("http") or one["name"] in {"folder", "huggingface"}
        assert one["license"]
        assert one["layout"]
    status, out, _ = auffusion("data", "list")
    assert (status, out.count("--source holds")) == (0, len(told))


def test_a_folder_becomes_statistics_and_caches(prepared, auffusion, tiny_model, tmp_path):
    status, out, _ = auffusion("data", "statistics", prepared, "-w", 1)
    found = json.loads(out)
    assert status == 0
    assert json.loads((prepared / "mel_statistics.json").read_text()) == found
    assert -11.6 < found["mean"] < 3.7
    words = ("-m", tiny_model, "--device", "cpu", "--executor", "here", "--crops", 2)
    status, out, _ = auffusion("data", "cache", prepared, "-o", tmp_path / "cache", *words)
    assert status == 0
    assert out.count("of 10 clips") == 2
    assert len(LatentCache(tmp_path / "cache/latents")) == 10
    assert TextCache(tmp_path / "cache/text").captions(0) == 1
    assert len(PreparedData(prepared)) == 10


def test_a_report_has_the_columns_of_table_4(prepared, auffusion, tmp_path):
    words = ("--licenses", "--attribution", tmp_path / "ATTRIBUTION.tsv")
    status, out, _ = auffusion("data", "report", prepared, prepared, *words)
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split("  ")[0] == "Dataset"
    assert [word in lines[0] for word in ("Samples", "Hours (Original)", "Hours (Processed)")]
    assert lines[3].startswith("Total")
    assert "20" in lines[3]
    assert "CC0-1.0  10" in out
    assert "folder\t\tCC0-1.0" in (tmp_path / "ATTRIBUTION.tsv").read_text()
    status, out, _ = auffusion("data", "report", prepared, "--json")
    assert json.loads(out)[0]["clips"] == {"train": 10}


def test_own_rules_are_followed(source, auffusion, tmp_path):
    words = ("-s", source, "-o", tmp_path / "set", "--shortest", 0.1, "--first", 2)
    status, out, _ = auffusion("data", "prepare", "folder", *words, "--json")
    assert (status, json.loads(out)["clips"]) == (0, {"train": 12})
    assert max(clip.seconds for clip in PreparedData(tmp_path / "set").clips()) == 2.0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("prepare", "audioset", "-s", ".", "-o", "out"), "no data set 'audioset': choose of"),
        (("prepare", "esc50", "-s", "gone", "-o", "out"), "there is no folder gone: esc50 needs"),
        (("prepare", "esc50", "-s", "mine", "-o", "out"), "mine holds no"),
        (("prepare", "folder", "-s", "mine", "-o", "mine"), "holds files that are not ours"),
        (("prepare", "folder", "-s", "mine", "-o", "out", "-w", "0"), "0 workers do no work"),
        (("prepare", "folder", "-s", "mine", "-o", "out", "--shard-clips", "0"), "of 0 clips"),
        (("prepare", "folder", "-s", "mine", "-o", "out", "--shortest", "nan"), "cannot be"),
        (("prepare", "folder", "-s", "mine", "-o", "out", "--first", "0"), "cannot be"),
        (("prepare", "folder", "-s", "mine"), "Missing option '--output'"),
        (("report", "mine"), "mine holds no finished data set"),
        (("statistics", "mine"), "mine holds no finished data set"),
        (("cache", "mine", "-o", "out"), "mine holds no finished data set"),
        (("statistics", "set", "--split", "test"), "has no clip in the split 'test'"),
        (("cache", "set", "-o", "out", "-m", "gone"), "gone"),
        (("cache", "set", "-o", "out", "--crops", "0"), "0 crops of a clip are none"),
        (("cache", "set", "-o", "mine", "--what", "text"), "mine/text"),
    ],
)
@pytest.mark.usefixtures("prepared")
def test_a_mistake_is_one_sentence_and_status_2(
    auffusion, source, tmp_path, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    if words[:3] == ("cache", "set", "-o") and words[3] == "mine":
        (source / "text").mkdir()
        (source / "text/letter.txt").write_text("dear")
        words = (*words, "--device", "cpu", "--executor", "here")
    before = sorted(path.name for path in tmp_path.iterdir())
    status, out, err = auffusion("data", *words)
    assert status == 2, err
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert "Traceback" not in err
    # What was there is there; only the folder that was asked for may be new.
    assert set(before) <= {path.name for path in tmp_path.iterdir()} <= {*before, "out"}


def test_ray_without_a_token_is_told(auffusion, source, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    words = ("-s", source, "-o", tmp_path / "set", "--executor", "ray")
    status, _, err = auffusion("data", "prepare", "folder", *words)
    assert status == 2
    assert "RAY_AUTH_MODE=token" in err or "auffusion[cluster]" in err
