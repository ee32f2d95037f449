import numpy as np
import pytest
import soxr
import torch

from auffusion.errors import InputError
from auffusion.evaluate.hearing import AUDIOLDM_EVAL, Channels, Hearing, Resampler
from auffusion.evaluate.sinc_resampling import sinc_resample

STEREO = np.random.default_rng(0).standard_normal((2, 44_100)).astype("f4") * 0.1 + 0.02


def test_audioldm_eval_hears_the_first_channel_without_its_mean_two_seconds_at_least():
    found = AUDIOLDM_EVAL.prepare(STEREO, 44_100)
    first = torch.from_numpy(STEREO[:1])
    expected = sinc_resample(first - first.mean(), 44_100, 16_000)
    assert torch.equal(found[:, :16_000], expected)
    assert found.shape == (1, 32_000)
    assert not found[:, 16_000:].any()
    # Nothing that is long enough is cut.
    assert AUDIOLDM_EVAL.prepare(np.ones((1, 33_000), "f4"), 16_000).shape == (1, 33_000)


def test_the_mean_of_the_channels_through_soxr_is_what_soxr_makes_of_it():
    found = Hearing(sample_rate=48_000).prepare(STEREO, 44_100)
    expected = soxr.resample(STEREO.mean(axis=0), 44_100, 48_000, quality="HQ")
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-6)


def test_the_peak_is_brought_to_one_after_resampling():
    hearing = Hearing(sample_rate=48_000, normalise_peak=True)
    assert hearing.prepare(STEREO, 16_000).abs().max() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("normalise", [False, True])
def test_silence_stays_silence(normalise):
    hearing = Hearing(sample_rate=16_000, remove_mean=True, normalise_peak=normalise)
    assert not hearing.prepare(np.zeros((2, 100), "f4"), 44_100).any()


def test_a_file_of_a_single_sample_is_heard():
    one = np.full((1, 1), 0.5, "f4")
    assert AUDIOLDM_EVAL.prepare(one, 44_100).shape == (1, 32_000)
    assert Hearing(sample_rate=44_100).prepare(one, 8_000).shape[1] >= 1


@pytest.mark.parametrize(("frames", "padded"), [(88_190, True), (88_200, False)])
def test_what_is_padded_is_known_beforehand(frames, padded):
    assert AUDIOLDM_EVAL.pads(frames, 44_100) is padded
    unpadded = Hearing(channels=Channels.FIRST, sample_rate=16_000, resampler=Resampler.SINC)
    length = unpadded.prepare(np.zeros((1, frames), "f4"), 44_100).shape[1]
    assert (length < 32_000) is padded


def test_a_network_without_a_rate_is_refused():
    with pytest.raises(InputError, match="a network has a sample rate of 0 Hz"):
        Hearing(sample_rate=0)
    with pytest.raises(InputError, match="hears 0 to None samples hears nothing"):
        Hearing(sample_rate=16_000, shortest=0)
