"""Pasting: outside nothing changes, inside nothing stays, and the fades lie between."""

import numpy as np
import pytest
import torch
from scipy.signal import welch

from auffusion.edit.paste import EDGE_HZ, paste_back
from auffusion.edit.region import Region

RATE = 16_000


def noise(seed, channels=1, samples=2 * RATE, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, samples, generator=generator, dtype=dtype)


def pasted(original, generated, *regions, rate=RATE, fade_s=0.02):
    return paste_back(original, generated, regions, rate=rate, fade_s=fade_s)


def power_db(sound, low_hz, high_hz):
    """Independent: scipy's estimate of the power in a band."""
    hertz, density = welch(sound.double().numpy(), RATE, nperseg=4096)
    return 10 * np.log10(density[(hertz >= low_hz) & (hertz < high_hz)].mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8_000, 6)])
def test_outside_every_sample_is_the_recording_s_and_inside_every_one_is_new(dtype, rate, channels):
    original, generated = (noise(seed, channels, 2 * rate, dtype) for seed in (0, 1))
    result = pasted(original, generated, Region(start_s=0.5, end_s=1.25), rate=rate)
    first, end, fade = rate // 2, round(1.25 * rate), round(0.02 * rate)
    assert result.dtype == dtype
    assert torch.equal(result[:, :first], original[:, :first])
    assert torch.equal(result[:, end:], original[:, end:])
    assert torch.allclose(
        result[:, first + fade : end - fade], generated[:, first + fade : end - fade]
    )


def test_a_fade_keeps_the_power_of_sounds_that_are_not_alike():
    total = torch.zeros(RATE)
    for seed in range(200):
        parts = noise(2 * seed, samples=RATE), noise(2 * seed + 1, samples=RATE)
        total += pasted(*parts, Region(start_s=0.25, end_s=0.75), fade_s=0.1)[0].square()
    across = total.unflatten(0, (-1, 400)).mean(-1) / 200 / 0.01
    assert across.sub(1).abs().max() < 0.1


def test_at_an_end_of_the_sound_nothing_is_faded():
    original, generated = torch.zeros(1, RATE), torch.ones(1, RATE)
    result = pasted(original, generated, Region(start_s=0.0, end_s=1.0), fade_s=0.3)
    assert torch.equal(result, generated)


def test_in_a_short_region_the_fades_share_it():
    result = pasted(noise(0), torch.ones(1, 2 * RATE), Region(start_s=1.0, end_s=1.01))
    assert torch.equal(result[:, :RATE], noise(0)[:, :RATE])
    assert result[0, RATE + 80] == pytest.approx(1.0, abs=0.02)


def test_of_a_box_only_its_frequencies_are_new():
    loud, quiet = noise(0), noise(1) * 0.01
    box = Region(start_s=0.0, end_s=2.0, low_hz=1000.0, high_hz=3000.0)
    result = pasted(loud, quiet, box)[0]
    assert power_db(result, 1100, 2900) == pytest.approx(power_db(quiet[0], 1100, 2900), abs=0.5)
    change = result - loud[0]
    for low, high in ((0, 1000 - EDGE_HZ), (3000 + EDGE_HZ, 8000)):
        assert power_db(result, low, high) == pytest.approx(power_db(loud[0], low, high), abs=0.01)
        assert power_db(change, low, high) < power_db(loud[0], low, high) - 50


def test_outside_of_a_box_s_seconds_every_sample_is_the_recording_s():
    original = noise(0)
    box = Region(start_s=0.7, end_s=1.1, low_hz=500.0, high_hz=2000.0)
    result = pasted(original, noise(1), box)
    assert torch.equal(result[:, : round(0.7 * RATE)], original[:, : round(0.7 * RATE)])
    assert torch.equal(result[:, round(1.1 * RATE) :], original[:, round(1.1 * RATE) :])
    assert (result - original).abs().max() > 0.05


def test_regions_that_overlap_are_one():
    original, generated = noise(0), noise(1)
    once = pasted(original, generated, Region(start_s=0.5, end_s=1.5))
    parts = [Region(start_s=0.5, end_s=1.2), Region(start_s=0.9, end_s=1.5)]
    assert torch.equal(pasted(original, generated, *parts), once)
    boxes = [
        Region(start_s=0.5, end_s=1.5, high_hz=2000.0),
        Region(start_s=0.5, end_s=1.5, low_hz=1000.0),
    ]
    # All frequencies of the same seconds, through filters that sum to one.
    assert (pasted(original, generated, *boxes) - once).abs().max() < 1e-6


def test_a_sound_pasted_into_itself_stays():
    original = noise(0)
    regions = [
        Region(start_s=0.2, end_s=0.9, low_hz=300.0, high_hz=2500.0),
        Region(start_s=1.0, end_s=1.5),
    ]
    result = pasted(original, original, *regions, fade_s=0.0)
    assert (result - original).abs().max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_goes_in_stays_as_it_is(dtype):
    original, generated = noise(0, dtype=dtype), noise(1, dtype=dtype)
    copies = original.clone(), generated.clone()
    pasted(original, generated, Region(start_s=0.5, end_s=1.25, low_hz=500.0))
    pasted(original, generated, Region(start_s=0.5, end_s=1.25))
    assert torch.equal(original, copies[0])
    assert torch.equal(generated, copies[1])
