"""DDPM whose noise leads back, replayed by ours and by diffusers' own scheduler."""

import pytest
import torch
from edit.gaussians import Gaussian, latent, scheduler

from auffusion.denoise import denoise
from auffusion.edit.ddim_inversion import ddim_walk
from auffusion.edit.ddpm_inversion import DdpmWalk, NoiseMaps, NoiseSearch, noised_path

STEPS = 12


def inverted(network, clean, seed=5, steps=STEPS):
    means = ddim_walk(scheduler(network.prediction), steps, eta=1.0)
    path = noised_path(scheduler(), means.timesteps, clean, torch.Generator().manual_seed(seed))
    start = path[int(means.timesteps[0])]
    search = NoiseSearch(means, path, clean)
    found = denoise(network, DdpmWalk(means, search), start)
    return start, means, search.maps, found


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_adding_the_maps_again_returns_the_latent(prediction):
    network = Gaussian(prediction)
    start, means, maps, found = inverted(network, latent())
    back = denoise(network, DdpmWalk(means, NoiseMaps(maps)), start)
    assert torch.equal(back, found)
    assert (back - latent()).abs().max() <= 1e-5


def test_a_network_that_is_wrong_is_corrected_too():
    def nonsense(latent, timestep):
        return 3 * latent.roll(1, -1) + float(timestep) / 500

    nonsense.prediction = "epsilon"
    start, means, maps, _ = inverted(nonsense, latent())
    back = denoise(nonsense, DdpmWalk(means, NoiseMaps(maps)), start)
    assert (back - latent()).abs().max() <= 1e-4


def test_diffusers_own_step_with_the_same_noise_arrives_there():
    network = Gaussian("v_prediction")
    start, _, maps, _ = inverted(network, latent())
    theirs = scheduler("v_prediction")
    theirs.set_timesteps(STEPS)
    found = start
    for timestep in theirs.timesteps:
        before = int(timestep) - 1000 // STEPS
        deviation = theirs._get_variance(int(timestep), before) ** 0.5
        noise = maps[int(timestep)] / deviation
        prediction = network(found, timestep)
        found = theirs.step(prediction, timestep, found, eta=1.0, variance_noise=noise)[0]
    assert (found - latent()).abs().max() <= 1e-4


def test_every_level_is_noised_anew():
    clean = torch.zeros(1, 4, 16, 128)
    walk = ddim_walk(scheduler(), 4, eta=1.0)
    path = noised_path(scheduler(), walk.timesteps, clean, torch.Generator().manual_seed(0))
    for timestep, noised in path.items():
        expected = (1 - scheduler().alphas_cumprod[timestep]).sqrt()
        assert abs(noised.std() / expected - 1) < 0.03
    flat = torch.stack([noised.flatten() for noised in path.values()])
    apart = torch.corrcoef(flat) - torch.eye(4)
    assert apart.abs().max() < 0.05


def test_the_maps_hold_more_than_noise_would():
    # The paper's finding: they are larger than what DDPM draws itself, and hold the sound.
    network, clean = Gaussian(), latent(64)
    _, means, maps, _ = inverted(network, clean)
    theirs = scheduler()
    for timestep in means.timesteps[:-1]:
        drawn = theirs._get_variance(int(timestep), int(timestep) - 1000 // STEPS) ** 0.5
        assert maps[int(timestep)].std() > 1.05 * drawn


def test_items_share_the_maps_and_other_seeds_find_others():
    network = Gaussian()
    start, means, maps, found = inverted(network, latent())
    both = denoise(network, DdpmWalk(means, NoiseMaps(maps)), start.repeat(2, 1, 1, 1))
    torch.testing.assert_close(both, found.repeat(2, 1, 1, 1), atol=1e-5, rtol=0)
    _, _, others, again = inverted(network, latent(), seed=6)
    assert (again - found).abs().max() <= 1e-5
    assert (others[int(means.timesteps[0])] - maps[int(means.timesteps[0])]).abs().max() > 0.1
