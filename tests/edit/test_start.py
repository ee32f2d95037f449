"""Where a walk begins that goes on from a sound."""

import pytest
import torch

from auffusion.denoise import SCHEDULERS, SeededScheduler, make_scheduler, seeded_noise
from auffusion.edit.start import start_from
from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline

SHAPE, STEPS = (4, 8, 16), 20


@pytest.fixture(scope="module")
def config():
    return dict(tiny_pipeline().scheduler.config)


def begun(name, config, strength):
    generators = [torch.Generator().manual_seed(0)]
    walk = SeededScheduler.prepared(make_scheduler(name, config), STEPS, generators)
    latent, noise = torch.full((1, *SHAPE), 2.0), seeded_noise([1], SHAPE)
    return start_from(latent, strength, noise=noise, walk=walk, steps=STEPS), latent, noise


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
@pytest.mark.parametrize(
    ("strength", "left"), [(0.0, 0), (0.04, 0), (0.05, 1), (0.5, 10), (1.0, 20)]
)
def test_as_many_steps_are_left_as_the_strength_says(config, name, strength, left):
    start, latent, _ = begun(name, config, strength)
    assert len(start.walk.timesteps) == left + (name == "pndm")
    if not len(start.walk.timesteps):
        assert torch.equal(start.latent, latent)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_the_latent_is_noised_as_far_as_the_first_timestep(config, strength):
    """The closed form of DDPM, Eq. 4: √ᾱ z + √(1 - ᾱ) ε."""
    start, latent, noise = begun("ddim", config, strength)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - betas).cumprod(0)[int(start.walk.timesteps[0])]
    expected = kept.sqrt() * latent + (1 - kept).sqrt() * noise
    assert (start.latent - expected).abs().max() < 1e-5


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(config, strength):
    with pytest.raises(InputError, match="is out of range: choose 0 to 1"):
        begun("ddim", config, strength)
