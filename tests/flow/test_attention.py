"""`auffusion attention` as a user runs it."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_rivals.tango import write_tango

from auffusion.audio import inspect_audio, read_audio, read_metadata, to_int16
from auffusion.baselines import load_baseline

SHORT = ("--length", "0.64", "--steps", "2")
FILES = {"figure.png", "page.html", "maps.csv", "maps.npz", "scores.csv"}


@pytest.fixture(scope="module")
def other_model(tmp_path_factory):
    from auffusion.pipeline import tiny_pipeline

    folder = tmp_path_factory.mktemp("models") / "two-encoders"
    tiny_pipeline(seed=1, encoders=("clap", "t5")).save_pretrained(folder)
    return folder


def test_two_models_make_the_papers_figure(auffusion, tiny_model, other_model, tmp_path):
    out = tmp_path / "maps"
    status, told, error = auffusion(
        "attention", "a dog and rain", "-w", "dog", "-w", "rain",
        "--model", tiny_model, "--model", other_model, *SHORT, "-o", out, "--side", "64",
    )  # fmt: skip
    assert (status, error) == (0, "")
    assert {path.name for path in out.iterdir()} == FILES | {"tiny.wav", "two-encoders.wav"}
    lines = told.splitlines()
    assert [line.split(":")[:2] for line in lines[:4]] == [
        [model, f" {word}"] for model in ("tiny", "two-encoders") for word in ("dog", "rain")
    ]
    assert lines[4:] == [str(out / "figure.png"), str(out / "page.html")]
    with Image.open(out / "figure.png") as figure:
        # The sound and two words in squares of 64, their labels and the scale.
        assert figure.width == 64 + 3 * (64 + 16) - 16 + 96 + 16
    assert inspect_audio(out / "tiny.wav").duration_s == pytest.approx(0.64)


def test_the_tables_hold_what_the_figure_shows(auffusion, tiny_model, tmp_path):
    status, told, _ = auffusion(
        "attention", "a dog", "--model", tiny_model, *SHORT, "-o", tmp_path, "--json"
    )
    assert status == 0
    found = [json.loads(line) for line in told.splitlines()]
    assert [(one["row"], one["word"]) for one in found] == [("tiny", "a"), ("tiny", "dog")]
    with np.load(tmp_path / "maps.npz") as arrays:  # which refuses pickle
        shares = arrays["0/shares"]
        assert arrays["0/words"].tolist() == ["a", "dog"]
        assert shares.shape == (2, 8, 8)
        assert arrays["0/edges_s"][-1] == pytest.approx(0.64)
    with (tmp_path / "maps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 64
    assert [float(row["share"]) for row in rows] == pytest.approx(shares.ravel(), rel=1e-5)
    assert (rows[0]["high_hz"], rows[0]["start_s"], rows[-1]["low_hz"]) == ("8000", "0", "0")
    with (tmp_path / "scores.csv").open(newline="") as file:
        scores = list(csv.DictReader(file))
    for row, one in zip(scores, found, strict=True):
        assert float(row["agreement"]) == pytest.approx(one["score"]["agreement"], abs=1e-5)
        assert float(row["mean_share"]) == pytest.approx(one["mean_share"], abs=1e-5)


def test_the_sound_is_that_of_generate_and_can_be_made_again(auffusion, tiny_model, tmp_path):
    common = ("a dog", "--model", tiny_model, "--seed", "5", *SHORT)
    assert auffusion("attention", *common, "-o", tmp_path / "maps")[0] == 0
    assert auffusion("generate", *common, "-o", tmp_path / "plain.wav")[0] == 0
    watched = (tmp_path / "maps" / "tiny.wav").read_bytes()
    assert watched == (tmp_path / "plain.wav").read_bytes()
    status, told, _ = auffusion("regenerate", tmp_path / "maps" / "tiny.wav")
    assert status == 0, told


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("step", ["tiny: step 1", "tiny: step 2", "tiny: step 3"]),
        ("head", ["tiny: head 0", "tiny: head 1"]),
        (
            "layer",
            [
                "tiny: down_blocks.0.attentions.0",
                "tiny: mid_block.attentions.0",
                "tiny: up_blocks.1.attentions.0",
                "tiny: up_blocks.1.attentions.1",
            ],
        ),
    ],
)
def test_rows_can_be_steps_heads_and_layers(auffusion, tiny_model, tmp_path, by, labels):
    status, told, _ = auffusion(
        "attention", "a dog", "-w", "dog", "--by", by, "--model", tiny_model, "--scheduler", "pndm",
        *SHORT, "-o", tmp_path, "--json",
    )  # fmt: skip
    assert status == 0
    assert [json.loads(line)["row"] for line in told.splitlines()] == labels
    assert (tmp_path / "page.html").read_text().count("<audio") == 1


def test_parts_and_levels_can_be_chosen(auffusion, tiny_model, tmp_path):
    chosen = ("--place", "mid", "--level", "1", "--scale", "own")
    status, _, _ = auffusion(
        "attention", "a dog", *chosen, "--model", tiny_model, *SHORT, "-o", tmp_path
    )
    assert status == 0
    with np.load(tmp_path / "maps.npz") as arrays:
        assert arrays["0/shares"].shape == (2, 4, 4)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("a dog", "-w", "cat"), "has no word 'cat'"),
        (("a dog", "--length", "3"), "attention is watched within one training window"),
        (("a dog", "--level", "7"), "no attention of the layers"),
        (("a dog", "--by", "word"), "'word' is not one of"),
    ],
)
def test_what_cannot_be_watched_is_told_in_a_sentence(
    auffusion, tiny_model, tmp_path, words, sentence
):
    out = tmp_path / "maps"
    status, told, error = auffusion(
        "attention", *words, "--model", tiny_model, "--steps", "1", "-o", out
    )
    assert (status, told) == (2, "")
    assert sentence in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_two_models_of_one_name_are_refused(auffusion, tiny_model, tmp_path):
    status, _, error = auffusion(
        "attention", "a dog", "--model", tiny_model, "--model", tiny_model, "-o", tmp_path
    )
    assert status == 2
    assert "two models of the same name" in error


@pytest.fixture(scope="module")
def tango(tmp_path_factory):
    """Tango's published files at toy size."""
    folder = tmp_path_factory.mktemp("rivals") / "my-tango"
    write_tango(folder)
    return folder


def test_tango_stands_in_the_last_row_of_the_papers_figure(auffusion, tiny_model, tango, tmp_path):
    status, told, error = auffusion(
        "attention", "a dog and rain", "-w", "dog", "-w", "rain", "--by", "step",
        "--model", tiny_model, "--model", tango, "--steps", "2", "-o", tmp_path, "--json",
    )  # fmt: skip
    assert (status, error) == (0, "")
    rows = [json.loads(line) for line in told.splitlines()]
    assert [one["row"] for one in rows][-4:] == [
        f"my-tango: step {step}" for step in (1, 2) for _ in range(2)
    ]
    with np.load(tmp_path / "maps.npz") as arrays:
        last = arrays["3/shares"]
        assert arrays["3/label"] == "my-tango: step 2"
        assert last.shape == (2, 4, 250)  # 16 bands and 1000 of 1024 frames, folded by 4
        assert arrays["3/edges_s"][-1] == pytest.approx(10.0)
    assert (last > 0).all()
    assert (last.sum(axis=0) < 1).all()
    sound = tmp_path / "my-tango.wav"
    assert json.loads(read_metadata(sound)["comment"])["baseline"] == "tango"
    assert inspect_audio(sound).duration_s == pytest.approx(10.0)


def test_the_watched_tango_says_what_the_unwatched_one_says(auffusion, tango, tmp_path):
    status, _, error = auffusion(
        "attention", "a dog", "--model", tango, "--steps", "2", "--seed", "4", "-o", tmp_path
    )
    assert (status, error) == (0, "")
    plain = load_baseline("tango", model=tango, steps=2)(["a dog"], [4])
    watched = read_audio(tmp_path / "my-tango.wav", sample_rate=16_000)
    assert torch.equal(to_int16(watched[0]), to_int16(plain[0]))


def test_what_tango_cannot_do_is_told_in_a_sentence(auffusion, tango, tmp_path):
    status, _, error = auffusion(
        "attention", "a dog", "--negative", "rain", "--model", tango, "-o", tmp_path
    )
    assert status == 2
    assert "Tango takes no negative prompt" in error
    status, _, error = auffusion("attention", "a dog", "--model", "tango", "-o", tmp_path)
    assert status == 2
    assert "is not on this machine" in error
