"""Samples of every kind of file come out as they went in."""

import numpy as np
import pytest
import soundfile as sf
import torch

from auffusion.audio import encoding_that_keeps, inspect_audio, read_channels, read_metadata
from auffusion.audio.channels import check_encoding, in_encoding, write_channels
from auffusion.errors import InputError

INTEGERS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


def full_range(encoding, channels):
    """Samples of every bit, [time channel], both ends included."""
    rng = np.random.default_rng(0)
    if encoding not in INTEGERS:
        return rng.uniform(-1, 1, (300, channels)).astype("f4" if encoding == "FLOAT" else "f8")
    top = 2 ** (INTEGERS[encoding] - 1)
    samples = rng.integers(-top, top, (300, channels))
    samples[:2] = [[-top], [top - 1]]
    return samples


def written_by_another(path, samples, encoding):
    """A file of libsndfile's own making."""
    if encoding in INTEGERS:
        samples = (samples << (32 - INTEGERS[encoding])).astype(np.int32)
    sf.write(path, samples, 44_100, subtype=encoding)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    ("encoding", "suffix"),
    [
        *[(encoding, "wav") for encoding in (*INTEGERS, "FLOAT", "DOUBLE")],
        ("PCM_16", "flac"),
        ("PCM_24", "flac"),
    ],
)
def test_a_file_survives_reading_and_writing_to_the_last_bit(tmp_path, encoding, suffix, channels):
    samples = full_range(encoding, channels)
    before, after = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    written_by_another(before, samples, encoding)
    sound, info = read_channels(before)
    assert (encoding_that_keeps(info), sound.shape) == (encoding, (channels, 300))
    write_channels(
        after,
        sound,
        sample_rate=info.sample_rate,
        encoding=encoding,
        metadata={"comment": "kept"},
    )
    theirs = [sf.read(path, dtype="float64", always_2d=True)[0] for path in (before, after)]
    assert np.array_equal(*theirs)
    assert np.array_equal(theirs[0], sound.T.numpy())
    assert inspect_audio(after).encoding == encoding
    assert inspect_audio(after).channels == channels
    assert read_metadata(after)["comment"] == "kept"


@pytest.mark.parametrize("encoding", ["PCM_U8", "ULAW", "ALAW"])
def test_eight_bits_fit_into_sixteen(tmp_path, encoding):
    sf.write(tmp_path / "a.wav", np.linspace(-1, 1, 999), 8_000, subtype=encoding)
    sound, info = read_channels(tmp_path / "a.wav")
    assert encoding_that_keeps(info) == "PCM_16"
    assert np.array_equal(in_encoding(sound, "PCM_16") / 32768, sound.T.numpy())


def test_a_lossy_file_is_kept_to_24_bits(tmp_path):
    sf.write(tmp_path / "a.ogg", np.sin(np.arange(9_000) / 9), 16_000)
    sound, info = read_channels(tmp_path / "a.ogg")
    assert encoding_that_keeps(info) == "PCM_24"
    kept = in_encoding(sound, "PCM_24") / 2**23
    assert np.abs(kept - sound.T.numpy().clip(-1, 1)).max() < 2**-22


@pytest.mark.parametrize(
    ("name", "encoding", "channels"),
    [("a.flac", "FLOAT", 1), ("a.flac", "PCM_32", 1), ("a.flac", "PCM_16", 9)],
)
def test_what_a_flac_file_cannot_hold_is_refused(tmp_path, name, encoding, channels):
    with pytest.raises(InputError, match=f"FLAC does not hold {channels} channels of {encoding}"):
        check_encoding(tmp_path / name, encoding, channels)


def test_a_long_or_an_absurd_file_is_refused(tmp_path):
    sf.write(tmp_path / "a.wav", np.zeros(2_000), 1_000)
    with pytest.raises(InputError, match=r"lasts 2\.0 s or more, expected at most 1 s"):
        read_channels(tmp_path / "a.wav", max_seconds=1.0)
    sf.write(tmp_path / "b.wav", np.array([[0.0, 0.0], [0.0, np.inf]]), 1_000, subtype="FLOAT")
    with pytest.raises(InputError, match="NaN, infinite or absurd"):
        read_channels(tmp_path / "b.wav")
    with pytest.raises(InputError, match="NaN or infinite"):
        in_encoding(torch.full((1, 2), torch.nan), "PCM_16")
