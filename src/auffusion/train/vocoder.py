"""Train a vocoder to give back the waveform of a log-mel spectrogram."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auffusion.data.scenes import Sound
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram
from auffusion.shapes import LogMel, Waveform
from auffusion.train.run import ExponentialAverage, Run, Schedule, adamw, step_optimiser
from auffusion.train.segments import draw_segments


@dataclass(frozen=True, kw_only=True)
class VocoderTraining:
    """Settings of a run."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=4000, learning_rate=8e-4))
    """Length and learning rate."""
    batch: int = 8
    """Segments a step."""
    samples: int = 20_480
    """Samples of a segment, a multiple of the front-end's hop."""
    mel_noise: float = 0.2
    """Standard deviation of noise added to the input, so that a VAE's small errors do no harm."""
    smoothed: float = 0.5
    """Share of steps whose input is blurred, as a VAE blurs noise."""
    seed: int = 0
    """Seed of all draws."""
    save_every: int = 250
    """Steps between checkpoints."""


class MultiResolutionStft(nn.Module):
    """Mean over several transforms of spectral convergence and log-magnitude distance.

    Parallel WaveGAN's loss (arXiv 1910.11480, Eqs. 4-6).
    """

    def __init__(self, lengths: tuple[int, ...] = (128, 256, 512, 1024, 2048)) -> None:
        super().__init__()
        self.lengths = lengths

    def forward(self, estimate: Waveform, target: Waveform) -> Tensor:
        """Distance of two waveforms."""
        total = torch.zeros(())
        for length in self.lengths:
            a, b = _magnitude(estimate, length), _magnitude(target, length)
            # A silent target would divide by nothing.
            convergence: Tensor = _size(b - a) / _size(b).clamp_min(1e-3)
            total = total + convergence + (b.log() - a.log()).abs().mean()
        return total / len(self.lengths)


def _size(values: Tensor) -> Tensor:
    # torch does not annotate its linear algebra.
    return cast("Tensor", torch.linalg.vector_norm(values))


def _magnitude(waveform: Waveform, length: int) -> Tensor:
    window = torch.hann_window(length)
    spectrum = torch.stft(waveform, length, length // 4, window=window, return_complex=True)
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-7)


def _blurred(log_mel: LogMel) -> LogMel:
    # In time only: the harmonics a VAE keeps must stay apart.
    return F.avg_pool1d(log_mel, 5, stride=1, padding=2, count_include_pad=False)


def train_vocoder(
    vocoder: nn.Module, sounds: list[Sound], settings: VocoderTraining, folder: Path
) -> nn.Module:
    """The vocoder with the averaged weights of the whole run; resumes where it stopped.

    Args:
        vocoder: log-mel to waveform.
        sounds: training clips.
        settings: of the run.
        folder: for log and checkpoints.

    Raises:
        InputError: no sounds, a segment that is no whole number of frames, a checkpoint that
            cannot be read or written.
    """
    run, mel, distance = Run(folder, settings), MelSpectrogram(), MultiResolutionStft()
    average = ExponentialAverage(vocoder, 0.999)
    optimiser = adamw(vocoder.parameters(), settings.schedule.learning_rate, 0.01)
    if settings.samples % mel.config.hop_length:
        raise InputError(
            f"segments of {settings.samples} samples do not end with a frame: choose a multiple "
            f"of {mel.config.hop_length}"
        )
    for step in range(run.restore(vocoder, average, optimiser), settings.schedule.steps):
        target = draw_segments(
            sounds, settings.samples, settings.batch, (settings.seed, step, run.rank)
        )
        log_mel = mel(target)
        generator = run.generator(step)
        shown = log_mel
        if torch.rand((), generator=generator) < settings.smoothed:
            shown = _blurred(log_mel)
        noise = torch.randn(log_mel.shape, generator=generator)
        estimate = vocoder(shown + settings.mel_noise * noise)
        spectral = distance(estimate, target)
        mel_error = (mel(estimate) - log_mel).abs().mean()
        (spectral + mel_error).backward()
        norm = step_optimiser(optimiser, vocoder, settings.schedule.rate(step))
        average.update(vocoder, step)
        if step % 25 == 0:
            run.log(step, spectral=spectral.item(), mel=mel_error.item(), norm=norm)
        if (step + 1) % settings.save_every == 0:
            run.save(step + 1, vocoder, average, optimiser)
    run.save(settings.schedule.steps, vocoder, average, optimiser)
    vocoder.load_state_dict(average.weights)
    return vocoder.eval()
