import json

import numpy as np
import pytest
import soundfile as sf

from auffusion.audio import read_metadata, write_audio


@pytest.fixture
def made(auffusion, tiny_model, tmp_path):
    """A generated file, every setting other than by default."""
    path = tmp_path / "dog.flac"
    words = ["--seed", "9", "--negative", "rain", "--guidance", "2.5", "--length", "1.3"]
    settings = [*words, "--steps", "3", "--scheduler", "euler-a"]
    auffusion("generate", "a “dog”", "-o", path, "-m", tiny_model, *settings)
    return path


@pytest.mark.parametrize("name", ["again.flac", "again.wav"])
def test_a_file_alone_gives_the_same_samples_again(auffusion, made, tmp_path, name):
    status, out, _ = auffusion("regenerate", made, "-o", tmp_path / name)
    assert (status, out) == (0, f"{made}: identical, 20800 samples\n")
    assert sf.read(made)[0].tolist() == sf.read(tmp_path / name)[0].tolist()
    assert read_metadata(tmp_path / name) == read_metadata(made)


def test_without_an_output_nothing_is_written(auffusion, made, tmp_path):
    assert auffusion("regenerate", made)[0] == 0
    assert list(tmp_path.iterdir()) == [made]


def test_a_file_of_the_same_format_is_the_same_to_the_byte(auffusion, made, tmp_path):
    auffusion("regenerate", made, "-o", tmp_path / "again.flac")
    assert (tmp_path / "again.flac").read_bytes() == made.read_bytes()


def test_a_difference_is_told_and_is_status_1(auffusion, made, tmp_path):
    samples = sf.read(made, dtype="int16")[0]
    samples[100:103] += np.array([1, 5, 2], dtype=np.int16)
    write_audio(tmp_path / "a.wav", samples, metadata=read_metadata(made))
    status, out, _ = auffusion("regenerate", tmp_path / "a.wav")
    assert status == 1
    assert out.endswith("different, 3 samples by up to 5 of 32768\n")
    write_audio(tmp_path / "b.wav", samples[:-1], metadata=read_metadata(made))
    status, out, _ = auffusion("regenerate", tmp_path / "b.wav")
    assert status == 1
    assert out.endswith("different, 20799 samples before and 20800 now\n")


def test_a_model_that_moved_is_named(auffusion, made, model_copy, tmp_path):
    metadata = read_metadata(made)
    record = json.loads(metadata["comment"])
    record["model"]["name"] = "/gone"
    metadata["comment"] = json.dumps(record)
    write_audio(tmp_path / "a.wav", sf.read(made, dtype="int16")[0], metadata=metadata)
    assert auffusion("regenerate", tmp_path / "a.wav")[0] == 2
    assert auffusion("regenerate", tmp_path / "a.wav", "--model", model_copy)[0] == 0
