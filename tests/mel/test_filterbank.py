"""The mel filters against librosa and against known sums."""

import librosa
import numpy as np
import pytest
import torch

from auffusion.mel.filterbank import hz_to_mel, mel_filterbank, mel_to_hz


@pytest.fixture(scope="module")
def published():
    return mel_filterbank(sample_rate=16000, fft_length=2048, bands=256, low_hz=0.0, high_hz=8000.0)


def test_it_equals_librosa(published):
    expected = librosa.filters.mel(sr=16000, n_fft=2048, n_mels=256, fmin=0, fmax=8000)
    np.testing.assert_allclose(published.numpy(), expected, atol=1e-8)


@pytest.mark.parametrize(
    ("sample_rate", "fft_length", "bands", "low_hz", "high_hz"),
    [
        (22050, 1024, 80, 0.0, 8000.0),
        (48000, 2048, 128, 40.0, 20000.0),
        (8000, 512, 20, 100.0, 4000.0),
    ],
)
def test_it_equals_librosa_at_other_sizes(sample_rate, fft_length, bands, low_hz, high_hz):
    ours = mel_filterbank(
        sample_rate=sample_rate, fft_length=fft_length, bands=bands, low_hz=low_hz, high_hz=high_hz
    )
    expected = librosa.filters.mel(
        sr=sample_rate, n_fft=fft_length, n_mels=bands, fmin=low_hz, fmax=high_hz
    )
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-7)


def test_the_published_bank_has_the_published_numbers(published):
    # Shape, sum and maximum as recorded of the published front-end's matrix.
    assert published.shape == (256, 1025)
    assert published.dtype == torch.float32
    assert published.sum().item() == pytest.approx(32.76082, abs=1e-5)
    assert published.max().item() == pytest.approx(0.0849385, abs=1e-6)
    assert (published.sum(dim=1) > 0).all()


def test_every_wide_band_weighs_white_noise_alike():
    # Unit area per Hz: the sum over bins is the inverse of their spacing. Narrow triangles are
    # sampled too coarsely for that, so only those of more than 20 bins are asked.
    bank = mel_filterbank(sample_rate=16000, fft_length=16384, bands=64, low_hz=0.0, high_hz=8000.0)
    wide = bank[(bank > 0).sum(dim=1) > 20]
    assert len(wide) == 64
    torch.testing.assert_close(wide.sum(dim=1), torch.full((64,), 16384 / 16000), rtol=5e-3, atol=0)


def test_mels_and_hertz_are_inverse_and_equal_librosa():
    hertz = np.linspace(0, 24000, 2001)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hertz)), hertz, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(hz_to_mel(hertz), librosa.hz_to_mel(hertz), rtol=1e-12)
