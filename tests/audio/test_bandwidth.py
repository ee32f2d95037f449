"""A cutoff is found where a filter put it; a sound without one is not accused of it."""

from pathlib import Path

import pytest
import torch
from scipy.signal import firwin, lfilter

from auffusion.audio import read_audio, resample
from auffusion.audio.bandwidth import find_cutoff
from auffusion.errors import InputError

SOUNDS = sorted((Path(__file__).parents[1] / "sounds").glob("*.flac"))
RATE = 16_000


@pytest.fixture(params=SOUNDS, ids=[path.stem for path in SOUNDS])
def sound(request):
    return read_audio(request.param)


def stored(sound):
    """As a 16-bit file would give it back, its rounding included."""
    return (sound * 32768).trunc() / 32768


@pytest.mark.parametrize("cutoff_hz", [2_000, 3_400, 5_000])
def test_the_cutoff_of_a_filter_is_found(sound, cutoff_hz):
    taps = firwin(511, cutoff_hz, fs=RATE)
    filtered = torch.from_numpy(lfilter(taps, 1.0, sound.double().numpy())).float()
    # Rather too low, between the partials of a bell, than too high: what is missing must be found.
    assert 0.8 * cutoff_hz < find_cutoff(stored(filtered), RATE) < 1.08 * cutoff_hz


def test_the_edge_of_a_low_rate_is_found(sound):
    telephone = resample(stored(resample(sound, RATE, 8_000)), 8_000, RATE)
    assert 3_500 < find_cutoff(telephone, RATE) <= 4_000


def test_white_noise_has_no_cutoff():
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match="no cutoff was found"):
        find_cutoff(noise, RATE)


def test_noise_that_fades_towards_the_treble_has_no_cutoff():
    noise = torch.randn(1, 4 * RATE, generator=torch.Generator().manual_seed(0))
    brown = torch.from_numpy(lfilter([1.0], [1.0, -0.98], noise.numpy())).float()
    with pytest.raises(InputError, match="no cutoff was found"):
        find_cutoff(brown, RATE)


def test_silence_has_no_cutoff():
    with pytest.raises(InputError, match="no cutoff was found"):
        find_cutoff(torch.zeros(1, 100), RATE)
