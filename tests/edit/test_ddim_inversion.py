"""DDIM walked upwards, against the closed-form flow of a Gaussian."""

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from edit.gaussians import Gaussian, latent, scheduler

from auffusion.denoise import SCHEDULERS, SeededScheduler, denoise, make_scheduler
from auffusion.edit.ddim_inversion import FixedPoint, Trail, ddim_walk
from auffusion.errors import InputError

PREDICTIONS = ("epsilon", "v_prediction")


def there(network, steps, iterations=0, clean=None):
    """The noise that a clean latent is walked up to, and the walk down."""
    walk = ddim_walk(scheduler(network.prediction), steps)
    upwards = walk.inverted()
    climb = FixedPoint(predict=network, upwards=upwards, iterations=iterations)
    return denoise(climb, upwards, latent() if clean is None else clean), walk


def loss(network, steps, iterations=0):
    start, walk = there(network, steps, iterations)
    return (denoise(network, walk, start) - latent()).abs().max().item()


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_walk_up_follows_the_flow_the_better_the_smaller_the_steps(prediction):
    network = Gaussian(prediction)
    errors = []
    for steps in (50, 100, 200):
        start, walk = there(network, steps)
        flown = network.carried(latent(), 0, walk.timesteps[0])
        errors.append((start - flown).abs().max().item())
    assert errors[0] < 0.12
    # A method of first order: half the step, half the error.
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_up_and_down_again_returns_the_latent_the_better_the_smaller_the_steps(prediction):
    errors = [loss(Gaussian(prediction), steps) for steps in (25, 50, 100)]
    assert errors[0] < 0.15
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_asking_again_where_a_step_arrives_makes_the_way_back_exact(prediction):
    errors = [loss(Gaussian(prediction), 25, iterations) for iterations in (0, 1, 2, 12)]
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.5 * errors[1]
    assert errors[3] < 1e-5


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_walk_down_is_diffusers_own_ddim(prediction):
    network = Gaussian(prediction)
    walk = ddim_walk(scheduler(prediction), 20)
    theirs = SeededScheduler.prepared(scheduler(prediction), 20, [])
    assert torch.equal(walk.timesteps, theirs.timesteps)
    torch.testing.assert_close(
        denoise(network, walk, latent()), denoise(network, theirs, latent()), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("name", sorted(set(SCHEDULERS) - {"lcm"}))
def test_whatever_sampler_a_model_is_set_to_its_noise_schedule_is_walked(name):
    expected = ddim_walk(scheduler("v_prediction"), 10)
    walk = ddim_walk(make_scheduler(name, scheduler("v_prediction").config), 10)
    assert walk.of_latent == expected.of_latent
    assert torch.equal(walk.timesteps, expected.timesteps)


def test_what_a_scheduler_leaves_to_its_own_defaults_counts_too():
    walk = ddim_walk(DPMSolverMultistepScheduler(), 10)
    assert walk.timesteps.tolist() == list(range(901, 0, -100))
    linear = DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    assert walk.of_latent[:9] == ddim_walk(linear, 10).of_latent[:9]


def test_the_last_steps_walk_the_end_of_the_whole_walk():
    network, whole = Gaussian(), ddim_walk(scheduler(), 10)
    seen = {}
    denoise(network, whole, latent(), on_step=lambda i, _, z: seen.setdefault(i, z))
    rest = whole.last(4)
    assert torch.equal(denoise(network, rest, seen[5]), seen[9])
    assert torch.equal(rest.inverted().inverted().timesteps, rest.timesteps)


def test_a_trail_tells_where_each_step_down_should_end():
    network, walk = Gaussian(), ddim_walk(scheduler(), 5)
    trail, passed = Trail(latent()), []
    upwards = walk.inverted()
    denoise(network, upwards, latent(), on_step=lambda i, t, z: passed.append(trail(i, t, z)) or z)
    wanted = [*passed[3::-1], latent()]
    for timestep, target in zip(walk.timesteps, wanted, strict=True):
        assert torch.equal(trail.before[int(timestep)], target)


def test_models_without_a_walk_back_are_refused():
    with pytest.raises(InputError, match="LCMScheduler jumps to its result"):
        ddim_walk(LCMScheduler(), 4)
    for other in (FlowMatchEulerDiscreteScheduler(), EDMEulerScheduler(), scheduler("sample")):
        with pytest.raises(InputError, match="no noise schedule that DDIM could walk"):
            ddim_walk(other, 4)


def test_a_step_that_forgets_the_latent_cannot_be_walked_back():
    blind = ddim_walk(scheduler(rescale_betas_zero_snr=True), 500)
    with pytest.raises(InputError, match="from there forgets the latent"):
        blind.inverted()
    told = ddim_walk(scheduler("v_prediction", rescale_betas_zero_snr=True), 500)
    assert len(told.inverted().timesteps) == 500


@pytest.mark.parametrize("steps", [0, -1, 501])
def test_a_number_of_steps_out_of_range_is_refused(steps):
    with pytest.raises(InputError, match=f"^{steps} steps cannot be made"):
        ddim_walk(scheduler(), steps)
