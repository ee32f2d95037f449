import numpy as np
import pytest
import soundfile

from auffusion.data.cutting import PART, cut_clip, decode_sound
from auffusion.errors import InputError

RATE = 16_000


def tone(samples, level=0.5, hz=1000.0):
    return (level * np.sin(2 * np.pi * hz * np.arange(samples) / RATE)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_of_any_rate_comes_out_as_the_same_tone_at_16_khz(
    tmp_path, write_tone, rate, channels
):
    write_tone(tmp_path / "a.wav", seconds=0.5, hz=1000.0, rate=rate, channels=channels)
    got = decode_sound(tmp_path / "a.wav")
    assert got.dtype == np.float32
    assert abs(len(got) - RATE // 2) <= 1
    inner = slice(800, 7000)
    np.testing.assert_allclose(got[inner], tone(RATE // 2)[inner], atol=2e-3)


def test_channels_are_averaged(tmp_path):
    left, right = tone(4000, 0.8), tone(4000, 0.2, hz=300.0)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(
        decode_sound(tmp_path / "a.wav"), (left + right) / 2, rtol=0, atol=1e-7
    )


@pytest.mark.parametrize("content", [None, b"", b"no sound at all"])
def test_a_file_that_is_gone_or_no_sound_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.wav (is not there|cannot be read)"):
        decode_sound(tmp_path / "a.wav")


def test_silence_is_trimmed_to_fifty_milliseconds_before_and_after():
    sound = np.zeros(50_000, np.float32)
    sound[20_000:30_000] = 0.5
    clip = cut_clip(sound, None)
    assert len(clip) == 10_000 + 2 * 800
    assert not clip[:800].any()
    assert clip[800:10_800].all()


def test_what_is_sixty_decibels_under_the_peak_is_silence():
    sound = np.full(50_000, 0.5e-3, np.float32)  # exactly 0.001 of the peak, not above it
    sound[20_000:30_000] = 0.5
    assert len(cut_clip(sound, None)) == 10_000 + 2 * 800
    sound[:20_000] = 0.6e-3
    assert len(cut_clip(sound, None)) == 30_000 + 800


def test_a_sound_without_silence_stays_whole():
    sound = tone(5000)
    sound[0] = sound[-1] = 0.5
    np.testing.assert_array_equal(cut_clip(sound, None), np.round(32767 * sound))


def test_parts_are_ten_seconds_each_after_trimming():
    ramp = np.linspace(0.1, 0.9, 25 * RATE, dtype=np.float32)
    sound = np.concatenate([np.zeros(3 * RATE, np.float32), ramp])
    whole = cut_clip(sound, None)
    first, second = cut_clip(sound, 0), cut_clip(sound, 1)
    assert (len(first), len(second)) == (PART, PART)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole[: 2 * PART])
    with pytest.raises(InputError, match="of 0 samples is too short"):
        cut_clip(sound, 3)


def test_only_what_is_louder_than_the_limit_is_brought_down():
    quiet = tone(4000, 0.4)
    quiet[1000] = 0.9
    assert cut_clip(quiet, None).max() == round(32767 * float(np.float32(0.9)))
    loud = quiet * 2
    assert np.abs(cut_clip(loud, None)).max() == round(32767 * 0.99)


def test_halves_are_rounded_to_even():
    sound = np.full(2000, 0.5, np.float32)
    sound[5:7] = np.array([1.5, 2.5], np.float32) / 32767
    clip = cut_clip(sound, None)
    assert clip[0] == 16384  # 16383.5
    assert clip.dtype == np.int16


@pytest.mark.parametrize(
    ("sound", "sentence"),
    [
        (np.zeros(0, np.float32), "of 0 samples is too short"),
        (tone(1279), "of 1279 samples is too short"),
        (np.zeros(5000, np.float32), "peak of 0 is too soft"),
        (tone(5000, 0.0039), "too soft"),
        (np.full(5000, np.nan, np.float32), "peak of nan is too soft"),
    ],
)
def test_what_is_too_short_or_too_soft_is_refused(sound, sentence):
    with pytest.raises(InputError, match=sentence):
        cut_clip(sound, None)


def test_the_shortest_and_softest_that_are_kept():
    assert len(cut_clip(tone(1280), None)) == 1280
    assert cut_clip(tone(5000, 0.00401), None).any()
