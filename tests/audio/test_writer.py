import wave

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auffusion.audio import encode_audio, read_audio, write_audio
from auffusion.errors import InputError

KINDS = ["wav", "flac"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
def test_a_file_is_mono_16_bit_at_its_rate(tmp_path, kind, rate):
    write_audio(tmp_path / f"a.{kind}", torch.zeros(100), sample_rate=rate)
    info = sf.info(tmp_path / f"a.{kind}")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (rate, 1, "PCM_16", 100)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(samples=arrays(np.int16, st.integers(1, 300)))
def test_integers_come_back_exactly(tmp_path, kind, samples):
    write_audio(tmp_path / f"a.{kind}", samples)
    np.testing.assert_array_equal(sf.read(tmp_path / f"a.{kind}", dtype="int16")[0], samples)
    np.testing.assert_array_equal(read_audio(tmp_path / f"a.{kind}")[0].numpy() * 32768, samples)


@pytest.mark.parametrize("kind", KINDS)
def test_loud_samples_saturate_in_the_file(tmp_path, kind):
    write_audio(tmp_path / f"a.{kind}", torch.tensor([[1.0, -1.0, 10.0, -10.0]]))
    got = sf.read(tmp_path / f"a.{kind}", dtype="int16")[0]
    assert got.tolist() == [32767, -32768, 32767, -32768]


def test_all_forms_of_one_sound_give_the_same_file():
    floats = torch.linspace(-1, 1, 1_000)
    whole = (floats.double() * 32768).clamp(-32768, 32767).trunc().to(torch.int16)
    forms = [floats, floats[None], floats.numpy(), floats.double(), whole, whole.numpy()]
    assert len({encode_audio("wav", form) for form in forms}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_sound_gives_the_same_bytes(kind):
    sound = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) / 4
    first, second = (encode_audio(kind, sound, metadata={"comment": "same"}) for _ in range(2))
    assert first == second


def test_the_standard_library_reads_a_wav_file(tmp_path):
    write_audio(tmp_path / "A.WAV", torch.full((3,), 0.5))
    with wave.open(str(tmp_path / "A.WAV")) as theirs:
        assert theirs.readframes(9) == b"\x00\x40" * 3


@pytest.mark.parametrize(
    ("name", "samples", "sentence"),
    [
        ("a.mp3", torch.zeros(9), "must end in .wav or .flac"),
        ("a", torch.zeros(9), "must end in .wav or .flac"),
        ("a.wav", torch.zeros(0), r"got \[0\]"),
        ("a.wav", torch.zeros(2, 9), r"expected one sound, .* got \[2, 9\]"),
        ("a.wav", torch.zeros(9, dtype=torch.int32), "16-bit samples, got torch.int32"),
        ("a.wav", torch.full((9,), torch.nan), "NaN or infinite"),
        ("no/a.wav", torch.zeros(9), "its folder does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name, samples, sentence):
    with pytest.raises(InputError, match=sentence):
        write_audio(tmp_path / name, samples)
    assert not list(tmp_path.iterdir())


def test_an_absurd_rate_is_refused(tmp_path):
    with pytest.raises(InputError, match="sample rate of 12 Hz"):
        write_audio(tmp_path / "a.wav", torch.zeros(9), sample_rate=12)
