"""`auffusion recipe` as a user runs it, with tiny models and random weights in published files."""

import hashlib
import json
import shutil
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluate/networks"))

from reference_networks import randomise

from auffusion.cli import main
from auffusion.evaluate import weights
from auffusion.evaluate.aisfx import Aisfx
from auffusion.recipes.tables.catalogue import shipped_tables

SOUNDS = Path(__file__).parents[1] / "sounds"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A prepared library of twelve captions, all in the validation split."""
    root = tmp_path_factory.mktemp("library")
    shutil.copytree(SOUNDS, root / "source")
    lines = [f"{path.name},the sound of a {path.stem},validation" for path in SOUNDS.glob("*.flac")]
    (root / "source/metadata.csv").write_text("\n".join(["file_name,caption,split", *lines]))
    words = ["data", "prepare", "folder", "--source", root / "source", "--output", root / "set"]
    assert main([str(word) for word in (*words, "--shortest", "0.3", "--executor", "here")]) == 0
    return root / "set"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of weights with the file of aisfx, and its hash: random, and laid out as it is."""
    folder = tmp_path_factory.mktemp("weights")
    state = OrderedDict(randomise(Aisfx(), 0).state_dict())
    heads = {f"set{i}": (np.int64(i), 10) for i in range(9)}
    path = folder / weights.PUBLISHED_FILES["aisfx"].file
    torch.save((state, heads), path)
    return folder, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def own_weights(trained, monkeypatch):
    folder, sha256 = trained
    known = weights.PUBLISHED_FILES
    aisfx = replace(known["aisfx"], sha256=sha256, package=None)
    monkeypatch.setattr(weights, "PUBLISHED_FILES", {**known, "aisfx": aisfx})
    return folder


@pytest.fixture
def small_table(auffusion, library, tiny_model, own_weights, tmp_path):
    """Run the embedded model's table with the tiny one in its place."""

    def run(*words):
        short = {
            "list.scenes.data": library,
            "list.scenes.length_s": 0.5,
            "sampling.length_s": 0.5,
            "sampling.steps": 2,
            "system.embedded-10.steps": 1,
            "list.scenes.most": 10,
            "draws": 10,
            "scores": '["fd_aisfx", "kl_ucs79"]',
            "controls": "false",
            **{f"system.{name}.model": tiny_model for name in MODELS},
        }
        changes = [word for name, value in short.items() for word in ("--set", f"{name}={value}")]
        places = ("--output", tmp_path / "out", "--cache", tmp_path / "cache")
        places += ("--weights", own_weights, "--device", "cpu")
        return auffusion("recipe", "run", "embedded-table", *changes, *places, *words)

    return run


MODELS = ("vocoder", "vae", "embedded-25", "embedded-10")


def test_the_embedded_table_is_made_whole_and_made_once(small_table, tmp_path):
    status, out, err = small_table()
    assert status == 0, err
    assert "here          weights   aisfx" in err
    assert "left out      system    Student, 4 steps: no model is named" in err
    lines = out.splitlines()
    assert lines[0] == "Embedded sounds, validation, 10 clips, protocol packaged"
    assert [line.split("  ")[0] for line in lines[2:8]] == [
        "Vocoder round trip",
        "VAE round trip",
        "Embedded, 25 steps",
        "Embedded, 10 steps",
        "25 steps, captions shuffled",
        "Silence",
    ]
    folder = tmp_path / "out/embedded-table"
    told = json.loads((folder / "table.json").read_text())
    assert len(told["lists"]["scenes"]["systems"]) == 6
    assert str(folder / "table.tex") in lines
    sounds = list((tmp_path / "out").rglob("sounds/scenes/*/*.wav"))
    assert len(sounds) == 6 * 10
    before = {path: path.stat().st_mtime_ns for path in sounds if path.parent.name != "silence"}
    again = small_table()
    assert (again[0], again[1]) == (0, out)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_dry_run_says_what_is_needed_and_makes_nothing(small_table, tmp_path):
    status, out, err = small_table("--dry-run")
    assert (status, err) == (0, "")
    assert out.startswith("The embedded model on its library's validation split needs\n")
    assert out.count("  here ") == 3
    assert "about 0 minutes of one CPU core" in out or "of one CPU core" in out
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_told_in_one_listing(small_table, auffusion, tmp_path):
    status, out, err = small_table("--set", "list.scenes.data=nowhere", "--weights", tmp_path)
    assert (status, out) == (2, "")
    assert err.count("\n  missing ") == 2
    assert "auffusion data prepare embedded-sounds --source packages --output sounds" in err
    assert "the weights of the sound-effects network of aisfx" in err
    assert err.endswith("2 things are missing: nothing was made\n")
    status, out, err = auffusion("recipe", "run", "table1", "--dry-run", "--output", tmp_path / "o")
    assert (status, err) == (2, "")
    assert "about 46 hours of one A100, as an estimate" in out
    assert not (tmp_path / "out").exists()


def test_recipes_are_listed_and_shown(auffusion):
    status, out, err = auffusion("recipe", "list")
    assert (status, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == list(shipped_tables())
    found = json.loads(auffusion("recipe", "list", "--json")[1])
    assert {one["name"] for one in found} >= {"table1", "table2", "table3", "table5", "figure2"}
    assert auffusion("recipe", "show", "table5")[1] == shipped_tables()["table5"].read_text()
    status, out, err = auffusion("recipe", "run", "table4")
    assert (status, out) == (2, "")
    assert "there is no recipe 'table4': choose of embedded-table, figure2, table1" in err


def test_figure_2_is_drawn_of_any_models(auffusion, tiny_model, tmp_path):
    changes = ('rows=["clip", "clap"]', "steps=2", "dtype=float32", "scheduler=ddim", "side=64")
    changes += (f"row.clip.model={tiny_model}", f"row.clap.model={tiny_model}")
    words = [word for change in changes for word in ("--set", change)]
    status, out, err = auffusion(
        *("recipe", "run", "figure2", *words, "--output", tmp_path / "out", "--device", "cpu")
    )
    assert status == 0, err
    folder = tmp_path / "out/figure2"
    assert out.splitlines()[1:] == [
        str(folder / name)
        for name in ("figure.png", "page.html", "maps.csv", "maps.npz", "scores.csv")
    ]
    assert {path.name for path in folder.glob("*.wav")} == {"CLIP.wav", "CLAP.wav"}
    assert (folder / "CLIP.wav").read_bytes() == (folder / "CLAP.wav").read_bytes()
    with Image.open(folder / "figure.png") as picture:
        # A column for each of five words and one for the sound.
        assert picture.size[0] > 5 * 64
