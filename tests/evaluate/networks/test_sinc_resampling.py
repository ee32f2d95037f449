from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from auffusion.errors import InputError
from auffusion.evaluate import sinc_resampling
from auffusion.evaluate.sinc_resampling import sinc_resample

GOLDEN = Path(__file__).parents[2] / "golden/torchaudio_resampled.safetensors"
RATES = [(44_100, 16_000), (48_000, 16_000), (22_050, 16_000), (8_000, 16_000), (44_100, 32_000)]


@pytest.mark.parametrize(("old", "new"), RATES)
@pytest.mark.parametrize(("wide", "what"), [(False, "out"), (True, "wide")])
def test_what_torchaudio_makes_of_noise(old, new, wide, what):
    golden = load_file(GOLDEN)
    found = sinc_resample(golden[f"{old}-{new} in"], old, new, wide=wide)
    expected = golden[f"{old}-{new} {what}"]
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_the_two_kernels_of_torchaudio_differ():
    golden = load_file(GOLDEN)
    narrow, wide = (golden[f"44100-16000 {what}"] for what in ("out", "wide"))
    assert (narrow - wide).abs().max() > 2e-6 * wide.abs().max()


def test_the_length_is_rounded_as_torchaudio_rounds_it():
    golden = load_file(GOLDEN)
    long = torch.zeros(1, 440_005)
    long[:, -300:] = golden["long in"]
    found = sinc_resample(long, 44_100, 16_000)
    exact = -(-440_005 * 160 // 441)
    assert found.shape[1] == int(golden["long samples"]) == exact - 1
    np.testing.assert_allclose(found[:, -120:], golden["long out"], atol=1e-6)


def test_each_sample_is_the_sum_that_the_formula_says(noise):
    sound, old, new = noise(0, 200)[0].double().numpy(), 48_000, 16_000
    o, n = 3, 1
    base = 0.99 * min(o, n)
    expected = []
    for j in range(-(-len(sound) * n // o)):
        t = base * (np.arange(len(sound)) / o - j / n)
        window = np.where(abs(t) < 6, np.cos(np.pi * t / 12) ** 2, 0.0)
        expected.append((base / o * np.sinc(t) * window * sound).sum())
    found = sinc_resample(torch.from_numpy(sound).float()[None], old, new)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6)


def test_a_tone_below_the_limit_stays_and_one_above_vanishes():
    times = torch.arange(48_000) / 48_000
    low, high = (torch.sin(2 * torch.pi * f * times)[None] for f in (1_000, 12_000))
    inner = slice(1_000, -1_000)
    expected = torch.sin(2 * torch.pi * 1_000 * torch.arange(16_000) / 16_000)
    assert (sinc_resample(low, 48_000, 16_000)[0] - expected)[inner].abs().max() < 2e-3
    assert sinc_resample(high, 48_000, 16_000)[0, inner].abs().max() < 4e-3


def test_rates_without_a_common_divisor_are_resampled_a_part_at_a_time(noise, monkeypatch):
    sound = noise(1, 500)
    whole = sinc_resample(sound, 11_025, 16_000)
    monkeypatch.setattr(sinc_resampling, "_MOST_TAPS", 5_000)
    assert torch.equal(sinc_resample(sound, 11_025, 16_000), whole)


def test_one_rate_is_left_alone(noise):
    sound = noise(2, 100)
    assert sinc_resample(sound, 16_000, 16_000) is sound


def test_a_rate_that_no_sound_has_is_refused():
    with pytest.raises(InputError, match="a sample rate of 16 Hz"):
        sinc_resample(torch.zeros(1, 10), 16_000, 16)
