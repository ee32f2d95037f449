"""Losses of a vocoder's training, where their values are known, and against scipy's transform."""

import numpy as np
import pytest
import scipy.signal
import torch

from auffusion.vocoder import MultiResolutionStft
from auffusion.vocoder.discriminators import Judgement
from auffusion.vocoder.losses import discriminator_loss, feature_loss, generator_loss


def judgement(*scores):
    """What two discriminators of two layers would say that found the same everywhere."""
    maps = [torch.full((2, 3), score) for score in scores]
    return Judgement(maps, [[2 * one, one] for one in maps])


def test_a_discriminator_that_is_right_has_no_loss_and_its_generator_all_of_it():
    real, made = judgement(1.0, 1.0), judgement(0.0, 0.0)
    assert discriminator_loss(real, made) == 0
    assert generator_loss(made) == 2  # one for each discriminator


def test_losses_are_squares_summed_over_discriminators():
    real, made = judgement(0.5, 1.0), judgement(0.25, 0.5)
    assert discriminator_loss(real, made).item() == pytest.approx(0.25 + 0.0625 + 0.25)
    assert generator_loss(made).item() == pytest.approx(0.5625 + 0.25)


def test_features_are_matched_by_their_mean_absolute_difference_in_every_layer():
    real, made = judgement(0.5, 1.0), judgement(0.25, 0.5)
    assert feature_loss(real, made).item() == pytest.approx((0.5 + 0.25) + (1.0 + 0.5))
    assert feature_loss(real, real) == 0


def test_what_a_recording_gave_is_not_trained_by_matching():
    real, made = torch.ones(1, 1, requires_grad=True), torch.zeros(1, 1, requires_grad=True)
    feature_loss(Judgement([real], [[real]]), Judgement([made], [[made]])).backward()
    assert real.grad is None
    assert made.grad is not None


def test_equal_sounds_have_no_distance_and_others_have_one():
    sound = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    distance = MultiResolutionStft()
    assert distance(sound, sound) == 0
    assert distance(sound.clone(), -sound) == pytest.approx(0, abs=1e-6)  # magnitudes only
    assert distance(0.5 * sound, sound) > 0.5
    assert distance(torch.zeros(1, 8000), torch.zeros(1, 8000)) == 0


def test_the_distance_of_a_batch_is_the_mean_of_its_items():
    source = torch.Generator().manual_seed(2)
    a, b = torch.randn(3, 4000, generator=source), torch.randn(3, 4000, generator=source)
    b[1] *= 0.01
    distance = MultiResolutionStft()
    each = [distance(a[i : i + 1], b[i : i + 1]).item() for i in range(3)]
    assert distance(a, b).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_the_distance_is_the_one_of_the_paper_computed_with_scipy():
    """Eqs. 4-6 of arXiv 1910.11480: Frobenius ratio, and mean absolute difference of logarithms."""
    source = torch.Generator().manual_seed(1)
    a, b = torch.randn(1, 4000, generator=source), torch.randn(1, 4000, generator=source)
    total = 0.0
    for length in (256, 512):
        one, two = (scipy_magnitude(x[0].double().numpy(), length) for x in (a, b))
        total += np.linalg.norm(two - one) / np.linalg.norm(two)
        total += np.abs(np.log(two) - np.log(one)).mean()
    assert MultiResolutionStft((256, 512))(a, b).item() == pytest.approx(total / 2, rel=1e-4)


def scipy_magnitude(x, length):
    padded = np.pad(x, length // 2, mode="reflect")
    window = scipy.signal.get_window("hann", length)
    hop = length // 4
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    return np.sqrt(np.abs(np.fft.rfft(frames * window)) ** 2 + 1e-7)
