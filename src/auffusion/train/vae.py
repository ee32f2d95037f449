"""Train an `AutoencoderKL` on pictures of mel spectrograms."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from auffusion.data.scenes import Sound
from auffusion.image import MelImageCodec
from auffusion.mel import MelSpectrogram
from auffusion.train.run import ExponentialAverage, Run, Schedule, adamw, step_optimiser
from auffusion.train.segments import draw_segments


@dataclass(frozen=True, kw_only=True)
class VaeTraining:
    """Settings of a run."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=2000, learning_rate=1e-3))
    """Length and learning rate."""
    batch: int = 4
    """Pictures a step."""
    frames: int = 256
    """Columns of a picture; 256 are 2.56 s."""
    kl_weight: float = 1e-3
    """Weight of the mean divergence of a latent number from a standard normal one."""
    edge_weight: float = 0.5
    """Weight of the error of differences between neighbouring pixels, which keeps onsets sharp."""
    seed: int = 0
    """Seed of all draws."""
    save_every: int = 100
    """Steps between checkpoints."""


def train_vae(vae: Any, sounds: list[Sound], settings: VaeTraining, folder: Path) -> Any:  # noqa: ANN401
    """The VAE with averaged weights; resumes where it stopped.

    Args:
        vae: a diffusers `AutoencoderKL` with three channels in and out.
        sounds: training clips.
        settings: of the run.
        folder: for log and checkpoints.

    Raises:
        InputError: no sounds, or a checkpoint that cannot be read or written.
    """
    run, mel, codec = Run(folder, settings), MelSpectrogram(), MelImageCodec()
    average = ExponentialAverage(vae, 0.995)
    optimiser = adamw(vae.parameters(), settings.schedule.learning_rate, 0.0)
    samples = settings.frames * mel.config.hop_length
    for step in range(run.restore(vae, average, optimiser), settings.schedule.steps):
        waveform = draw_segments(sounds, samples, settings.batch, (settings.seed, step, run.rank))
        image = 2.0 * codec.encode(mel(waveform)) - 1.0
        posterior = vae.encode(image).latent_dist
        output = vae.decode(posterior.sample(run.generator(step))).sample
        pixel, edge = (output - image).abs().mean(), _edges(output, image)
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        (pixel + settings.edge_weight * edge + settings.kl_weight * divergence).backward()
        norm = step_optimiser(optimiser, vae, settings.schedule.rate(step))
        average.update(vae, step)
        if step % 10 == 0:
            run.log(step, pixel=pixel.item(), edge=edge.item(), kl=divergence.item(), norm=norm)
        if (step + 1) % settings.save_every == 0:
            run.save(step + 1, vae, average, optimiser)
    run.save(settings.schedule.steps, vae, average, optimiser)
    vae.load_state_dict(average.weights)
    return vae.eval()


def _edges(a: Tensor, b: Tensor) -> Tensor:
    error = a - b
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
