import pytest
import torch

from auffusion.denoise import (
    Predictor,
    Scheduler,
    SeededScheduler,
    denoise,
    item_generators,
    make_scheduler,
)


class Halving:
    """The simplest walk: each step takes the prediction off, inputs are doubled."""

    timesteps = torch.tensor([30, 20, 10])
    init_noise_sigma = 1.0

    def scale_model_input(self, latent, _timestep):
        return latent * 2

    def advance(self, noise, _timestep, latent):
        return latent - noise


def quarter(latent, _timestep):
    return latent / 4


def test_the_network_sees_scaled_inputs_and_the_scheduler_unscaled_ones():
    # A quarter of the double, taken off, is a half.
    got = denoise(quarter, Halving(), torch.full((1, 1, 1, 2), 8.0))
    assert got.tolist() == [[[[1.0, 1.0]]]]


def test_a_hook_sees_each_step_and_may_change_the_latent():
    seen = []

    def hook(index, timestep, latent):
        seen.append((index, int(timestep), latent[0, 0, 0, 0].item()))
        return latent + 2

    got = denoise(quarter, Halving(), torch.full((1, 1, 1, 1), 8.0), on_step=hook)
    assert seen == [(0, 30, 4.0), (1, 20, 3.0), (2, 10, 2.5)]
    assert got.item() == 4.5


def test_no_gradients_are_kept():
    latent = torch.ones(1, 1, 1, 1, requires_grad=True)
    assert not denoise(quarter, Halving(), latent).requires_grad


def test_an_error_in_a_hook_stops_the_walk():
    def hook(_index, _timestep, _latent):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        denoise(quarter, Halving(), torch.ones(1, 1, 1, 1), on_step=hook)


def test_the_roles_are_recognised():
    assert isinstance(quarter, Predictor)
    assert isinstance(Halving(), Scheduler)
    seeded = SeededScheduler.prepared(make_scheduler("ddim", {}), 3, item_generators([0]))
    assert isinstance(seeded, Scheduler)
