import numpy as np
import pytest
import soundfile

from auffusion.audio.isolated import IsolatedDecoder
from auffusion.data.cutting import Refused, cut_clip, to_16_bits, trimmed
from auffusion.data.listing import Listed, Reason, Rules
from auffusion.data.preparers.embedded_sounds import EMBEDDED_SOUNDS

RATE = 16_000


@pytest.fixture(scope="module")
def decoder():
    with IsolatedDecoder() as one:
        yield one


@pytest.fixture
def cut(tmp_path, decoder):
    """Cut a sound that is given as samples, by some rules."""

    def make(samples, rules=None, rate=RATE, **given):
        path = tmp_path / "a.wav"
        if samples is not None:
            soundfile.write(path, samples, rate, subtype="FLOAT")
        listed = Listed(
            **{
                "key": "a",
                "file": path,
                "source": "sub/a.wav",
                "captions": ("a",),
                "split": "train",
                **given,
            }
        )
        return cut_clip(listed, rules or Rules(), decoder)

    return make


def tone(samples, level=0.5, hz=1000.0, rate=RATE):
    return (level * np.sin(2 * np.pi * hz * np.arange(samples) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_of_any_rate_comes_out_as_the_same_tone_at_16_khz(cut, rate, channels):
    sound = np.repeat(tone(2 * rate, rate=rate)[:, None], channels, axis=1)
    made = cut(sound, rate=rate)
    assert (len(made.samples), made.source_rate, made.source_seconds) == (2 * RATE, rate, 2.0)
    inner = slice(800, -800)
    got = made.samples / 32768
    np.testing.assert_allclose(got[inner], tone(2 * RATE)[inner], atol=2e-3)


def test_sixteen_bits_at_16_khz_come_out_as_they_went_in(tmp_path, decoder):
    rng = np.random.default_rng(0)
    samples = rng.integers(-32768, 32768, 40_000).astype(np.int16)
    samples[:2] = -32768, 32767
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    listed = Listed(
        key="a", file=tmp_path / "a.flac", source="a.flac", captions=("noise",), split="train"
    )
    np.testing.assert_array_equal(cut_clip(listed, Rules(), decoder).samples, samples)


def test_only_the_first_thirty_seconds_of_a_recording_are_used(cut):
    made = cut(tone(45 * RATE))
    assert len(made.samples) == 30 * RATE
    assert made.source_seconds == 45.0


def test_a_listed_stretch_is_cut_out_to_the_sample(cut):
    ramp = np.linspace(-0.9, 0.9, 5 * RATE, dtype=np.float32)
    made = cut(ramp, start_s=1.5, seconds=2.25)
    np.testing.assert_array_equal(
        made.samples, to_16_bits(ramp[int(1.5 * RATE) : int(3.75 * RATE)])
    )


def test_silence_is_trimmed_to_fifty_milliseconds_before_and_after():
    sound = np.zeros(50_000, np.float32)
    sound[20_000:30_000] = 0.5
    kept = trimmed(sound)
    assert len(kept) == 10_000 + 2 * 800
    assert not kept[:800].any()
    assert kept[800:10_800].all()


def test_what_is_sixty_decibels_under_the_peak_is_silence():
    sound = np.full(50_000, 0.5e-3, np.float32)  # exactly 0.001 of the peak, not above it
    sound[20_000:30_000] = 0.5
    assert len(trimmed(sound)) == 10_000 + 2 * 800
    sound[:20_000] = 0.6e-3
    assert len(trimmed(sound)) == 30_000 + 800
    assert len(trimmed(np.zeros(100, np.float32))) == 0


def test_parts_of_a_trimmed_sound_follow_each_other_without_a_gap(cut):
    rules = EMBEDDED_SOUNDS.rules
    ramp = np.linspace(0.1, 0.9, 25 * RATE, dtype=np.float32)
    sound = np.concatenate([np.zeros(3 * RATE, np.float32), ramp])
    whole = cut(sound, rules)
    parts = [cut(sound, rules, start_s=start, seconds=10.0).samples for start in (0.0, 10.0)]
    assert [len(part) for part in parts] == [10 * RATE, 10 * RATE]
    np.testing.assert_array_equal(np.concatenate(parts), whole.samples[: 20 * RATE])
    with pytest.raises(Refused, match=r"sub/a\.wav gives 0\.000 s"):
        cut(sound, rules, start_s=30.0, seconds=10.0)


def test_only_what_is_louder_than_full_scale_is_brought_down(cut):
    quiet = tone(2 * RATE, 0.4)
    quiet[1000] = 0.9
    assert cut(quiet).samples.max() == round(32768 * float(np.float32(0.9)))
    loud = cut(4 * quiet).samples.astype(int)
    assert np.abs(loud).max() == 32767
    # Nothing is clipped: the waveform keeps its shape.
    np.testing.assert_allclose(loud / 32768, quiet / 0.9, atol=5e-5)


@pytest.mark.parametrize(
    ("sound", "reason", "sentence"),
    [
        (tone(RATE - 1), Reason.SHORT, r"sub/a\.wav gives 1\.000 s, under 1 s"),
        (np.zeros(2 * RATE, np.float32), Reason.SILENT, "silent: its peak is 0"),
        (tone(2 * RATE, 0.9e-3), Reason.SILENT, "silent"),
        (np.full(2 * RATE, np.nan, np.float32), Reason.DAMAGED, "holds NaN"),
        (None, Reason.MISSING, r"sub/a\.wav is not there"),
    ],
)
def test_what_the_rules_leave_out_is_told_with_its_name_in_the_data_set(
    cut, tmp_path, sound, reason, sentence
):
    with pytest.raises(Refused, match=sentence) as refused:
        cut(sound)
    assert refused.value.reason == reason
    assert str(tmp_path) not in refused.value.detail


def test_the_shortest_and_softest_that_are_kept(cut):
    assert len(cut(tone(RATE, 1.01e-3)).samples) == RATE


def test_a_stretch_behind_the_end_is_damage(cut):
    with pytest.raises(Refused, match=r"lasts 2\.00 s, but a clip is said to begin at 3 s"):
        cut(tone(2 * RATE), start_s=3.0)
