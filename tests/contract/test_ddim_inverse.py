"""Walking up by DDIM against diffusers' own inverse scheduler, with the same tiny U-Net."""

import torch
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
from edit.gaussians import Gaussian, latent, scheduler

from auffusion.denoise import denoise, unet_call
from auffusion.edit.ddim_inversion import ddim_walk


@torch.no_grad()
def theirs(network, clean, prediction, steps):
    inverse = DDIMInverseScheduler.from_config(scheduler(prediction).config)
    inverse.set_timesteps(steps)
    for timestep in inverse.timesteps:
        clean = inverse.step(network(clean, timestep), timestep, clean).prev_sample
    return clean


def ours(network, clean, prediction, steps):
    return denoise(network, ddim_walk(scheduler(prediction), steps).inverted(), clean)


def test_predicted_noise_is_walked_up_as_in_diffusers(adapter_tiny):
    call = unet_call(adapter_tiny.unet)
    embeds = adapter_tiny.text.encode(["a dog barking"]).embeds

    def network(latent, timestep):
        return call(latent, timestep, embeds)

    clean = latent(16)
    for steps in (5, 12):
        expected = theirs(network, clean, "epsilon", steps)
        got = ours(network, clean, "epsilon", steps)
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_predicted_velocity_agrees_the_better_the_smaller_the_steps():
    # Theirs turns by the velocity, ours undoes the very step down: alike to first order.
    network, apart = Gaussian("v_prediction"), []
    for steps in (25, 50, 100):
        expected = theirs(network, latent(), "v_prediction", steps)
        got = ours(network, latent(), "v_prediction", steps)
        apart.append((got - expected).abs().max().item())
    assert apart[0] < 0.4
    assert apart[1] < 0.6 * apart[0]
    assert apart[2] < 0.6 * apart[1]
