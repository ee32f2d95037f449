"""An edit-friendly inversion of DDPM (Huberman-Spiegelglas et al., arXiv 2304.06140).

A recording's latent is noised to every level, each time with noise of its own, and the noise that a
step of DDPM must add to lead from one of these latents to the next is kept. Adding the same noise
again leads back to the recording exactly; under another prompt the walk keeps what the noise holds
of the recording.

The maps kept here are the paper's z_t times the step's deviation, not z_t itself: the last step,
whose deviation may be 0, then needs no exception.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auffusion.denoise import make_scheduler, noise_from
from auffusion.edit.ddim_inversion import LinearWalk
from auffusion.shapes import Latent

AddedNoise = Callable[[int, Latent], Latent]
"""What to add to the mean of the step that leaves a timestep."""


@dataclass(frozen=True)
class DdpmWalk:
    """A `Scheduler`: DDPM whose noise comes from elsewhere."""

    means: LinearWalk
    """The walk over the means of the steps (`ddim_walk` with η = 1)."""
    added: AddedNoise
    """The noise of each step."""

    @property
    def timesteps(self) -> Tensor:
        """To visit, in order."""
        return self.means.timesteps

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to start from."""
        return self.means.init_noise_sigma

    def scale_model_input(self, latent: Latent, timestep: Tensor) -> Latent:
        """As the network was trained to see it."""
        return self.means.scale_model_input(latent, timestep)

    def advance(self, noise: Latent, timestep: Tensor, latent: Latent) -> Latent:
        """The latent one step cleaner."""
        mean = self.means.advance(noise, timestep, latent)
        return mean + self.added(int(timestep), mean)


@dataclass(frozen=True)
class NoiseMaps:
    """The noise of each step, the same for all items."""

    maps: Mapping[int, Latent]
    """[1, channel, height, width] by timestep."""

    def __call__(self, timestep: int, mean: Latent) -> Latent:
        """The map of the timestep, for each item."""
        return self.maps[timestep].to(mean).expand_as(mean)


class NoiseSearch:
    """Finds the noise that keeps a walk on a path; `DdpmWalk` adds it at once.

    What is added is the difference to the *mean that was walked to*, so that rounding errors do not
    add up.

    Args:
        means: the walk over the means.
        path: the latent of each timestep (`noised_path`).
        clean: the latent to arrive at.
    """

    def __init__(self, means: LinearWalk, path: Mapping[int, Latent], clean: Latent) -> None:
        visited = [int(timestep) for timestep in means.timesteps]
        after = [*(path[timestep] for timestep in visited[1:]), clean]
        self._wanted = dict(zip(visited, after, strict=True))
        self.maps: dict[int, Latent] = {}
        """What was found so far, by timestep."""

    def __call__(self, timestep: int, mean: Latent) -> Latent:
        """The map that leads from the mean to the path's next latent."""
        self.maps[timestep] = self._wanted[timestep] - mean
        return self.maps[timestep]


def noised_path(
    scheduler: Any,  # noqa: ANN401
    timesteps: Tensor,
    clean: Latent,
    generator: torch.Generator,
) -> dict[int, Latent]:
    """A clean latent at the level of each timestep, every time under new noise.

    Args:
        scheduler: the model's diffusers scheduler; its noise schedule is taken.
        timesteps: of the walk, the noisiest first.
        clean: [1, channel, height, width].
        generator: of the noise.
    """
    ddim = make_scheduler("ddim", scheduler.config)
    _, channels, height, width = clean.shape
    return {
        int(timestep): ddim.add_noise(
            clean, noise_from([generator], (channels, height, width)).to(clean), timestep[None]
        )
        for timestep in timesteps
    }
