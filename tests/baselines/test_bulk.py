"""A whole list in several sittings."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch

from auffusion.audio import read_metadata, write_audio
from auffusion.baselines import ListedSound, generate_list, load_baseline
from auffusion.errors import InputError

ROWS = [
    ListedSound(id="Yb0RFKhbpFJA_30", prompt="a dog barks", seed=1),
    ListedSound(id="rain", prompt="rain", seed=2),
    ListedSound(id="rain again", prompt="rain \N{CLOUD WITH RAIN}", seed=2),
]


@pytest.fixture(scope="module")
def baseline(published):
    return load_baseline("tangoflux", model=published("tangoflux")[0], steps=1, length_s=0.1)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def whole(baseline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "new" / "folder"
    assert generate_list(baseline, ROWS, folder) == 3
    return folder


def test_each_row_is_a_file_of_16_bits_at_16_khz(whole, baseline):
    assert sorted(contents(whole)) == ["Yb0RFKhbpFJA_30.wav", "rain again.wav", "rain.wav"]
    for row in ROWS:
        info = sf.info(whole / f"{row.id}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        samples, _ = sf.read(whole / f"{row.id}.wav", dtype="int16")
        expected = baseline([row.prompt], [row.seed])[0].numpy().astype(np.float64) * 32768
        assert np.array_equal(samples, np.clip(np.trunc(expected), -32768, 32767))


def test_each_file_tells_how_it_was_made(whole, baseline):
    record = json.loads(read_metadata(whole / "rain again.wav")["comment"])
    assert record["baseline"] == "tangoflux"
    assert record["license"].startswith("non-commercial")
    assert record["model"] == {"name": baseline.model, "sha256": baseline.identity}
    assert record["settings"] == {
        "prompt": "rain \N{CLOUD WITH RAIN}",
        "seed": 2,
        "steps": 1,
        "guidance": 4.5,
        "length_s": 0.1,
        "dtype": "float32",
    }


def test_an_interrupted_list_ends_with_the_same_bytes(whole, baseline, tmp_path):
    told = []

    class StopError(Exception):
        pass

    def stop(path, made):
        told.append((path.name, made))
        if len(told) == 2:
            raise StopError

    with pytest.raises(StopError):
        generate_list(baseline, ROWS, tmp_path, stop)
    assert told == [("Yb0RFKhbpFJA_30.wav", True), ("rain.wav", True)]
    assert len(contents(tmp_path)) == 2
    assert generate_list(baseline, ROWS, tmp_path, lambda p, made: told.append((p.name, made))) == 1
    assert told[2:] == [
        ("Yb0RFKhbpFJA_30.wav", False),
        ("rain.wav", False),
        ("rain again.wav", True),
    ]
    assert contents(tmp_path) == contents(whole)
    assert generate_list(baseline, ROWS, tmp_path) == 0


@pytest.mark.parametrize("spoil", ["cut", "other sound", "no settings", "no sound"])
def test_a_file_that_is_not_whole_is_made_again(whole, baseline, tmp_path, spoil):
    path = tmp_path / "rain.wav"
    content = (whole / "rain.wav").read_bytes()
    if spoil == "cut":
        path.write_bytes(content[:-100])
    elif spoil == "other sound":
        metadata = read_metadata(whole / "rain.wav")
        write_audio(path, torch.zeros(1600), metadata=metadata)
    elif spoil == "no settings":
        write_audio(path, torch.zeros(1600))
    else:
        path.write_bytes(b"no sound")
    assert generate_list(baseline, [ROWS[1]], tmp_path) == 1
    assert path.read_bytes() == content


@pytest.mark.parametrize("what", ["prompt", "seed", "guidance", "weights"])
def test_other_settings_make_the_file_again(whole, baseline, published, tmp_path, what):
    row = ROWS[1]
    (tmp_path / "rain.wav").write_bytes((whole / "rain.wav").read_bytes())
    assert generate_list(baseline, [row], tmp_path) == 0
    other = load_baseline(
        "tangoflux",
        model=published("tangoflux")[0],
        steps=1,
        length_s=0.1,
        guidance=1.0 if what == "guidance" else None,
    )
    if what == "weights":
        other.identity = "0" * 64
    changed = {"prompt": {"prompt": "wind"}, "seed": {"seed": 3}}.get(what, {})
    assert generate_list(other, [replace(row, **changed)], tmp_path) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b"])
def test_an_id_chooses_no_folder(baseline, tmp_path, name):
    with pytest.raises(InputError, match="no plain file name"):
        generate_list(baseline, [ListedSound(id=name, prompt="rain")], tmp_path)


def test_an_id_stands_once(baseline, tmp_path):
    rows = [ListedSound(id=name, prompt="rain") for name in ("a", "b", "A")]
    with pytest.raises(InputError, match="'a' stands 2 times"):
        generate_list(baseline, rows, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_list_is_done_at_once(baseline, tmp_path):
    assert generate_list(baseline, [], tmp_path / "new") == 0


def test_a_folder_that_cannot_be_made_is_named(baseline, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot create the folder"):
        generate_list(baseline, ROWS, tmp_path / "file" / "folder")


def test_a_sound_that_is_not_finite_is_named_and_not_written(baseline, tmp_path, monkeypatch):
    broken = torch.full((1, 44_100), float("nan"))
    monkeypatch.setattr(baseline.rival, "sound", lambda *_: broken)
    with pytest.raises(InputError, match="tangoflux gave no finite sound for 'rain' in float32"):
        generate_list(baseline, [ROWS[1]], tmp_path)
    assert list(tmp_path.iterdir()) == []
