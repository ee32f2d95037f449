import os
import struct

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.audio import fit_length, inspect_audio, read_audio
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram

RATES = [8_000, 16_000, 22_050, 44_100, 96_000, 192_000]
# Half a step of the format, and what the resampling filter may add.
LOSSLESS = {
    "PCM_U8": 1e-2,
    "PCM_S8": 1e-2,
    "PCM_16": 2e-4,
    "PCM_24": 1e-4,
    "PCM_32": 1e-4,
    "FLOAT": 1e-4,
    "DOUBLE": 1e-4,
    "ULAW": 2e-2,
    "ALAW": 2e-2,
}


def tone(rate, seconds=0.25):
    return 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(int(rate * seconds)) / rate)


def write_tone(path, rate, channels, subtype, container=None):
    """A tone whose channels have gains that average to 1."""
    gains = np.linspace(0.2, 1.8, channels) if channels > 1 else np.ones(1)
    sf.write(path, tone(rate)[:, None] * gains, rate, subtype=subtype, format=container)
    return path


def error_against_the_tone(path):
    """Largest difference from the tone itself at 16 kHz, its ends left out."""
    got = read_audio(path)
    want = tone(16_000)
    assert got.shape == (1, len(want))
    return float(np.abs(got[0].numpy() - want)[400:-400].max())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6, 32])
@pytest.mark.parametrize("subtype", sorted(set(LOSSLESS) - {"PCM_S8"}))
def test_every_kind_of_wav_gives_the_tone_at_16_khz(tmp_path, subtype, channels, rate):
    path = write_tone(tmp_path / "a.wav", rate, channels, subtype)
    assert error_against_the_tone(path) < LOSSLESS[subtype]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_every_kind_of_flac_gives_the_tone_at_16_khz(tmp_path, subtype, channels, rate):
    path = write_tone(tmp_path / "a.flac", rate, channels, subtype)
    assert error_against_the_tone(path) < LOSSLESS[subtype]


@pytest.mark.parametrize("container", ["WAVEX", "RF64"])
def test_dialects_of_wav_are_read(tmp_path, container):
    path = write_tone(tmp_path / "a.wav", 48_000, 2, "PCM_24", container)
    assert error_against_the_tone(path) < 1e-4
    assert inspect_audio(path).container == "WAV"


@pytest.mark.parametrize(
    ("suffix", "subtype", "rates"),
    [
        ("ogg", "VORBIS", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000]),
        ("ogg", "OPUS", [8_000, 12_000, 16_000, 24_000, 48_000]),
        ("mp3", "MPEG_LAYER_III", [8_000, 16_000, 22_050, 44_100, 48_000]),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_of_lossy_file_gives_about_the_tone(tmp_path, suffix, subtype, rates, channels):
    for rate in rates:
        path = write_tone(tmp_path / f"{rate}.{suffix}", rate, channels, subtype)
        assert error_against_the_tone(path) < 0.1, rate


def test_a_file_tells_what_it_is(tmp_path):
    path = write_tone(tmp_path / "a.flac", 44_100, 2, "PCM_24")
    info = inspect_audio(path)
    assert (info.container, info.encoding, info.sample_rate) == ("FLAC", "PCM_24", 44_100)
    assert (info.channels, info.frames, info.duration_s) == (2, 11_025, 0.25)


def test_another_rate_may_be_asked_for(tmp_path):
    path = write_tone(tmp_path / "a.wav", 48_000, 1, "PCM_16")
    assert read_audio(path, sample_rate=44_100).shape == (1, 11_025)


def test_the_name_of_a_file_does_not_matter(tmp_path):
    path = write_tone(tmp_path / "a.mp3", 16_000, 1, "PCM_16", "WAV")
    assert error_against_the_tone(path) < 2e-4


PLANTED = {
    "silence": np.zeros(16_000),
    "a constant": np.full(16_000, 1.0),
    "clipping": np.sign(tone(16_000, 1.0)) * 10,
    "a single sample": np.array([0.7]),
    "one sample less than the canvas": tone(16_000, 10.24)[:-1],
    "the canvas": tone(16_000, 10.24),
    "one sample more than the canvas": np.append(tone(16_000, 10.24), 0.1),
    "three canvases": tone(16_000, 30.0),
    "the smallest numbers": np.full(16_000, 1e-45),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_odd_sounds_become_finite_spectrograms_of_one_shape(tmp_path, kind):
    sf.write(tmp_path / "a.wav", PLANTED[kind], 16_000, subtype="FLOAT")
    waveform = read_audio(tmp_path / "a.wav")
    assert waveform.shape == (1, len(PLANTED[kind]))
    log_mel = MelSpectrogram()(fit_length(waveform, 163_840))
    assert log_mel.shape == (1, 256, 1024)
    assert torch.isfinite(log_mel).all()


def test_one_sample_at_a_high_rate_is_still_a_sound(tmp_path):
    sf.write(tmp_path / "a.wav", np.array([0.7]), 192_000)
    assert read_audio(tmp_path / "a.wav").shape == (1, 1)


def wav_header(frames, *, rate=16_000, channels=1, size=None, form=1):
    """A 16-bit WAV file of silence whose header says what is asked."""
    block = 2 * channels
    declared = frames * block if size is None else size
    head = (b"RIFF", 36 + frames * block, b"WAVE", b"fmt ", 16, form, channels)
    rest = (rate, rate * block & 0xFFFFFFFF, block, 16, b"data", declared)
    packed = struct.pack("<4sI4s4sIHHIIHH4sI", *head, *rest)
    return packed + b"\0" * (frames * block)


def encoded(tmp_path, suffix, seconds=2.0):
    path = tmp_path / f"whole.{suffix}"
    noise = np.random.default_rng(0).normal(scale=0.1, size=int(16_000 * seconds))
    sf.write(path, noise, 16_000)
    return path.read_bytes()


REFUSED = {
    "an empty file": (lambda _: b"", "is empty"),
    "text": (lambda _: b"a dog barking\n" * 9, "is not a WAV, FLAC, OGG or MP3"),
    "one byte": (lambda _: b"\xff", "is not a WAV, FLAC, OGG or MP3"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "is not a WAV"),
    "a header only": (lambda _: wav_header(0), "holds no samples"),
    "half a header": (lambda _: wav_header(9)[:20], "is damaged"),
    "a wrong header": (lambda _: b"fLaC" + b"\x07" * 200, "is damaged"),
    "a wrong MP3 frame": (lambda _: b"\xff\xfb" + b"\x11" * 500, "is damaged"),
    "a size that is a lie": (lambda _: wav_header(99, size=0xFFFFFFFF), "was cut short"),
    "a rate of 2 GHz": (lambda _: wav_header(99, rate=2_147_483_647), "rate of 2147483647 Hz"),
    "a rate of 5 Hz": (lambda _: wav_header(99, rate=5), "rate of 5 Hz"),
    "33 channels": (lambda _: wav_header(99, channels=33), "33 channels, expected 1 to 32"),
    "a truncated WAV": (lambda _: wav_header(999)[:-100], "was cut short"),
    "a truncated FLAC": (lambda at: encoded(at, "flac")[:-4_000], "cut short"),
    "a truncated OGG": (lambda at: encoded(at, "ogg")[:-2_000], "cut short"),
    "a truncated MP3": (lambda at: encoded(at, "mp3")[:-2_000], "cut short"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_file_is_refused_by_its_name_and_the_reason(tmp_path, kind):
    make, reason = REFUSED[kind]
    (tmp_path / "a.wav").write_bytes(make(tmp_path))
    with pytest.raises(InputError, match=rf"a\.wav.*{reason}"):
        read_audio(tmp_path / "a.wav")


def test_a_place_where_no_file_is_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"cannot read .*missing\.wav: No such file"):
        read_audio(tmp_path / "missing.wav")
    with pytest.raises(InputError, match="Is a directory"):
        read_audio(tmp_path)
    with pytest.raises(InputError, match="not a regular file"):
        read_audio("/dev/zero")
    with pytest.raises(InputError, match="null byte"):
        read_audio("nul\0.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_sound_are_refused_by_their_place(tmp_path, value, subtype):
    samples = tone(16_000, 10.0)
    samples[120_000] = value
    sf.write(tmp_path / "a.wav", samples, 16_000, subtype=subtype)
    with pytest.raises(InputError, match=r"NaN, infinite or absurd samples at 7\.500 s"):
        read_audio(tmp_path / "a.wav")


def test_rare_encodings_are_refused(tmp_path):
    sf.write(tmp_path / "a.wav", tone(16_000), 16_000, subtype="MS_ADPCM")
    with pytest.raises(InputError, match="WAV MS_ADPCM; convert it to PCM WAV"):
        read_audio(tmp_path / "a.wav")
    sf.write(tmp_path / "b.wav", tone(16_000), 16_000, format="AIFF")
    with pytest.raises(InputError, match="not a WAV, FLAC, OGG or MP3"):
        read_audio(tmp_path / "b.wav")


def test_a_long_sound_in_a_small_file_is_refused(tmp_path):
    sf.write(tmp_path / "a.flac", np.zeros(16_000 * 700), 16_000)
    assert (tmp_path / "a.flac").stat().st_size < 100_000
    with pytest.raises(InputError, match=r"lasts 700\.0 s or more, expected at most 600 s"):
        read_audio(tmp_path / "a.flac")
    with pytest.raises(InputError, match=r"expected at most 0\.1 s"):
        read_audio(write_tone(tmp_path / "b.wav", 16_000, 1, "PCM_16"), max_seconds=0.1)


def test_a_flac_that_lies_about_its_length_never_gives_more_than_it_says(tmp_path):
    sf.write(tmp_path / "a.flac", np.zeros(16_000 * 100), 16_000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    # STREAMINFO holds the number of samples in its bits 108 to 143.
    data[21] &= 0xF0
    data[22:26] = struct.pack(">I", 16_000)
    (tmp_path / "a.flac").write_bytes(data)
    assert read_audio(tmp_path / "a.flac", max_seconds=10.0).shape[-1] <= 16_000


def test_a_flac_that_does_not_say_its_length_is_refused(tmp_path):
    data = bytearray(encoded(tmp_path, "flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(InputError, match="does not say how long it is"):
        read_audio(tmp_path / "a.flac")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_gives_finite_sound_or_one_sentence(tmp_path, suffix, data):
    whole = bytearray(encoded(tmp_path, suffix, 0.2))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, min(len(whole), 120) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.bin").write_bytes(whole)
    try:
        waveform = read_audio(tmp_path / "a.bin", max_seconds=60.0)
    except InputError:
        return
    assert torch.isfinite(waveform).all()
