"""Train a text-conditioned U-Net on latents of sounds (paper §3.3-3.6, B.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.shapes import Latent
from auffusion.train.run import ExponentialAverage, Run, Schedule, adamw, step_optimiser

_LOG_EVERY = 20


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of a run."""

    until: float
    """Share of all steps at which it ends."""
    columns: int
    """Latent columns of a training window."""
    batch: int
    """Windows a step and process."""


@dataclass(frozen=True, kw_only=True)
class DiffusionTraining:
    """Settings of a run."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=3000, learning_rate=6e-4))
    """Length and learning rate."""
    phases: Sequence[Phase] = (Phase(until=1.0, columns=16, batch=16),)
    """Short windows first, where a step costs least; then whole scenes."""
    unconditional: float = 0.1
    """Share of windows whose text is dropped, for classifier-free guidance (§3.6)."""
    average_decay: float = 0.999
    """Decay of the running average of the weights."""
    seed: int = 0
    """Seed of all draws."""
    save_every: int = 100
    """Steps between checkpoints, a multiple of 20."""

    def __post_init__(self) -> None:
        if not self.phases:
            raise InputError("phases is empty: a run needs at least one")
        # A line of the log is a mean over 20 steps; cut in two it would differ after a resume.
        if self.save_every % _LOG_EVERY:
            raise InputError(f"save_every is {self.save_every}: choose a multiple of {_LOG_EVERY}")

    def phase(self, step: int) -> Phase:
        """The phase a step belongs to."""
        share = step / self.schedule.steps
        return next((p for p in self.phases if share < p.until), self.phases[-1])


@dataclass(frozen=True, kw_only=True)
class LatentScenes:
    """Scenes with their captions, encoded once."""

    latents: Latent
    """Scaled to unit variance."""
    captions: Sequence[Sequence[int]]
    """For each scene, rows of `features` that describe it."""
    features: Float[Tensor, "caption token feature"]
    """Encoder rows of every caption, zero behind its last token, before the adapter."""

    def __post_init__(self) -> None:
        if len(self.captions) != len(self.latents):
            raise InputError(f"{len(self.latents)} scenes came with {len(self.captions)} captions")


class ConditionedUnet(nn.Module):
    """A diffusers U-Net behind a condition adapter, trained as one."""

    def __init__(self, unet: Any, adapter: nn.Module) -> None:  # noqa: ANN401
        super().__init__()
        self.unet = unet
        self.adapter = adapter

    def forward(self, noisy: Latent, timestep: Tensor, rows: Tensor, kept: Tensor) -> Latent:
        """The prediction; where `kept` is 0 the adapted text is all zeros, as at inference."""
        text = self.adapter(rows) * kept[:, None, None]
        return self.unet(noisy, timestep, encoder_hidden_states=text).sample


def train_diffusion(
    network: ConditionedUnet,
    scheduler: Any,  # noqa: ANN401
    scenes: LatentScenes,
    settings: DiffusionTraining,
    folder: Path,
) -> ConditionedUnet:
    """The network with averaged weights; resumes where it stopped.

    Minimises Eq. 1, with v in the place of ε where the scheduler is set to v-prediction.

    Args:
        network: U-Net and adapter.
        scheduler: a diffusers scheduler: noise levels and kind of prediction.
        scenes: training data.
        settings: of the run.
        folder: for log and checkpoints.

    Raises:
        InputError: scenes narrower than a training window, or a checkpoint that cannot be read or
            written.
    """
    widest = max(phase.columns for phase in settings.phases)
    if scenes.latents.shape[-1] < widest:
        raise InputError(
            f"the scenes are {scenes.latents.shape[-1]} latent columns wide and the windows "
            f"{widest}: make the scenes longer or the windows shorter"
        )
    run = Run(folder, settings)
    average = ExponentialAverage(network, settings.average_decay)
    optimiser = adamw(network.parameters(), settings.schedule.learning_rate, 0.01)
    losses: list[float] = []
    for step in range(run.restore(network, average, optimiser), settings.schedule.steps):
        rng = np.random.default_rng((settings.seed, step, run.rank))
        clean, rows, kept = _draw(scenes, settings, step, rng)
        timestep = _timesteps(len(clean), scheduler, rng)
        noise = torch.randn(clean.shape, generator=run.generator(step))
        noisy = scheduler.add_noise(clean, noise, timestep)
        prediction = network(noisy, timestep, rows, kept)
        loss = F.mse_loss(prediction, _target(scheduler, clean, noise, timestep))
        loss.backward()
        norm = step_optimiser(optimiser, network, settings.schedule.rate(step))
        average.update(network, step)
        losses.append(loss.item())
        if (step + 1) % _LOG_EVERY == 0:
            run.log(step + 1, loss=float(np.mean(losses[-_LOG_EVERY:])), norm=norm)
        if (step + 1) % settings.save_every == 0:
            run.save(step + 1, network, average, optimiser)
    run.save(settings.schedule.steps, network, average, optimiser)
    network.load_state_dict(average.weights)
    return network.eval()


def _draw(
    scenes: LatentScenes, settings: DiffusionTraining, step: int, rng: np.random.Generator
) -> tuple[Latent, Tensor, Tensor]:
    phase = settings.phase(step)
    chosen = rng.integers(len(scenes.latents), size=phase.batch)
    starts = rng.integers(scenes.latents.shape[-1] - phase.columns + 1, size=phase.batch)
    windows = [
        scenes.latents[i, :, :, s : s + phase.columns] for i, s in zip(chosen, starts, strict=True)
    ]
    captions = [int(rng.choice(np.asarray(scenes.captions[int(i)]))) for i in chosen]
    kept = torch.from_numpy(rng.random(phase.batch) >= settings.unconditional).float()
    return torch.stack(windows).float(), scenes.features[captions].float(), kept


def _timesteps(count: int, scheduler: Any, rng: np.random.Generator) -> Tensor:  # noqa: ANN401
    # One draw in each of `count` equal strata: the same distribution, less noise in the gradient.
    share = (np.arange(count) + rng.random(count)) / count
    return torch.from_numpy((share * scheduler.config.num_train_timesteps).astype(np.int64))


def _target(scheduler: Any, clean: Latent, noise: Tensor, timestep: Tensor) -> Tensor:  # noqa: ANN401
    if scheduler.config.prediction_type == "v_prediction":
        return scheduler.get_velocity(clean, noise, timestep)
    return noise
