"""The one denoising loop, and the three roles it is made of.

The loop knows nothing of U-Nets, prompts or guidance: guidance wraps a `Predictor`, inpainting and
progress are `StepHook`s, a diffusers scheduler becomes a `Scheduler` through `SeededScheduler`.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from auffusion.shapes import Latent


@runtime_checkable
class Predictor(Protocol):
    """What a network says of a noisy latent: its noise, its velocity or its clean version."""

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The prediction, of the shape of `latent`."""
        ...


@runtime_checkable
class StepHook(Protocol):
    """Sees the latent after each step and returns the one to go on with."""

    def __call__(self, index: int, timestep: Tensor, latent: Latent) -> Latent:
        """The latent to go on with, after the step `index` that left `timestep`."""
        ...


@runtime_checkable
class Scheduler(Protocol):
    """A prepared walk from noise to a clean latent."""

    @property
    def timesteps(self) -> Tensor:
        """The timesteps to visit, in order; one prediction each."""
        ...

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to start from."""
        ...

    def scale_model_input(self, latent: Latent, timestep: Tensor) -> Latent:
        """The latent as the network was trained to see it."""
        ...

    def advance(self, noise: Latent, timestep: Tensor, latent: Latent) -> Latent:
        """The latent one step cleaner, given the network's prediction."""
        ...


@torch.no_grad()
def denoise(
    predict: Predictor, scheduler: Scheduler, latent: Latent, *, on_step: StepHook | None = None
) -> Latent:
    """Walk the scheduler's timesteps from `latent` to a clean latent.

    Args:
        predict: the network, with all that wraps it.
        scheduler: prepared for the number of steps.
        latent: noise times `Scheduler.init_noise_sigma`, or an earlier latent noised so far.
        on_step: called after each step.
    """
    for index, timestep in enumerate(scheduler.timesteps):
        noise = predict(scheduler.scale_model_input(latent, timestep), timestep)
        latent = scheduler.advance(noise, timestep, latent)
        if on_step is not None:
            latent = on_step(index, timestep, latent)
    return latent
