import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from auffusion.audio import fit_length, resample, to_int16, to_mono
from auffusion.audio.rates import resampled_length
from auffusion.errors import InputError


def tone(frequency_hz, rate, seconds):
    # The phase in float64: in float32 it is off by 1e-3 after half a second.
    phase = 2 * torch.pi * frequency_hz * torch.arange(int(rate * seconds)).double() / rate
    return torch.sin(phase).float()[None]


@pytest.mark.parametrize("source", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_keeps_its_pitch_level_and_phase_at_another_rate(source):
    got = resample(tone(440.0, source, 0.5), source, 16_000)
    assert got.shape == (1, 8_000)
    middle = slice(800, -800)
    torch.testing.assert_close(
        got[:, middle], tone(440.0, 16_000, 0.5)[:, middle], atol=1e-4, rtol=0
    )


def test_a_tone_above_half_the_target_rate_vanishes():
    got = resample(tone(10_000.0, 48_000, 0.5), 48_000, 16_000)
    assert got[:, 800:-800].abs().max() < 1e-4


def test_resampling_agrees_with_polyphase_filtering_on_a_low_band():
    slow = torch.from_numpy(
        np.convolve(np.random.default_rng(0).normal(size=4_800), np.hanning(64))
    )
    waveform = (slow / slow.abs().max()).float()[None]
    theirs = resample_poly(waveform[0].numpy(), 1, 3)
    ours = resample(waveform, 48_000, 16_000)[0].numpy()
    np.testing.assert_allclose(ours[50:-50], theirs[50 : len(ours) - 50], atol=2e-3)


def test_items_of_a_batch_are_resampled_alone():
    batch = torch.cat([tone(440.0, 44_100, 0.1), tone(1_000.0, 44_100, 0.1)])
    alone = torch.cat([resample(item[None], 44_100, 16_000) for item in batch])
    torch.testing.assert_close(resample(batch, 44_100, 16_000), alone, atol=1e-6, rtol=0)


def test_the_same_rate_returns_the_same_samples():
    waveform = tone(440.0, 16_000, 0.1)
    assert resample(waveform, 16_000, 16_000) is waveform


@given(st.integers(1, 10**7), st.integers(1_000, 384_000), st.integers(1_000, 384_000))
def test_the_resampled_length_is_the_nearest_whole_number(samples, source, target):
    length = resampled_length(samples, source, target)
    assert length >= 1
    assert length == 1 or abs(length * source - samples * target) * 2 <= source


@pytest.mark.parametrize("rates", [(0, 16_000), (999, 16_000), (16_000, 384_001), (16_000, -1)])
def test_an_absurd_rate_is_refused(rates):
    with pytest.raises(InputError, match="sample rate of"):
        resample(torch.zeros(1, 100), *rates)


def test_mono_is_the_mean_of_the_channels():
    channels = torch.tensor([[1.0, -1.0], [0.0, 1.0], [0.5, 0.0]])
    assert to_mono(channels).tolist() == [[0.5, 0.0]]


@pytest.mark.parametrize(("samples", "kept"), [(5, 5), (8, 5), (3, 3)])
def test_a_length_is_met_by_cutting_or_by_silence(samples, kept):
    got = fit_length(torch.ones(2, 5), samples)
    assert got.shape == (2, samples)
    assert got.sum() == 2 * kept


def test_integers_saturate_and_never_wrap():
    ends = [1.0, 1.5, 10.0, -1.0, -1.5, -10.0, 32767.5 / 32768]
    want = [32767, 32767, 32767, -32768, -32768, -32768, 32767]
    assert to_int16(torch.tensor(ends)).tolist() == want


def test_integers_are_truncated_towards_zero_as_the_published_code_does():
    # Closed form: y·32768 without its fraction.
    fractions = torch.tensor([0.4, 0.9, -0.4, -0.9, 5.999, -5.999])
    assert to_int16(fractions / 32768).tolist() == [0, 0, 0, 0, 5, -5]


def test_every_16_bit_value_survives_the_way_to_float_and_back():
    values = torch.arange(-32768, 32768, dtype=torch.int16)
    assert torch.equal(to_int16(values.float() / 32768), values)


def test_half_precision_saturates_too():
    # In fp16, 0.9999 is 1.0: the published code wraps here.
    assert to_int16(torch.tensor([0.9999], dtype=torch.float16)).tolist() == [32767]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_samples_that_are_no_numbers_are_refused(value):
    with pytest.raises(InputError, match="NaN or infinite"):
        to_int16(torch.tensor([0.0, value]))
