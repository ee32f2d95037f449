"""A network whose answer is known: what is best said of N(mean, deviation²) under noise."""

from dataclasses import dataclass

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler


def scheduler(prediction="epsilon", **settings):
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction,
        **settings,
    )


@dataclass(frozen=True)
class Gaussian:
    """The expectation given a noisy latent, and the path that the flow without noise takes."""

    prediction: str = "epsilon"
    deviation: float = 0.5
    mean: float = 0.3

    def signal(self, timestep):
        return scheduler().alphas_cumprod[int(timestep)].double()

    def __call__(self, latent, timestep):
        share = self.signal(timestep)
        spread = share * self.deviation**2 + 1 - share
        apart = latent - share.sqrt() * self.mean
        noise = ((1 - share).sqrt() / spread * apart).to(latent)
        clean = self.mean + (share.sqrt() * self.deviation**2 / spread * apart).to(latent)
        velocity = share.sqrt() * noise - (1 - share).sqrt() * clean
        return (noise if self.prediction == "epsilon" else velocity).to(latent)

    def carried(self, latent, first, last):
        """Where the flow carries a latent: it keeps its place among the deviations."""
        before, after = (self.signal(t) for t in (first, last))
        scale = [(s * self.deviation**2 + 1 - s).sqrt() for s in (before, after)]
        apart = (latent - before.sqrt() * self.mean) * (scale[1] / scale[0])
        return (apart + after.sqrt() * self.mean).to(latent)


def latent(width=8, seed=4):
    return 0.3 + 0.5 * torch.randn(1, 4, 8, width, generator=torch.Generator().manual_seed(seed))
