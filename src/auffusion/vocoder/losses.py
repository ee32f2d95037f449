"""What a vocoder's training minimises: HiFi-GAN's losses, and a distance of spectra.

Least-squares adversarial losses and feature matching are Eqs. 1-2 and 4 of arXiv 2010.05646;
`MultiResolutionStft` is Parallel WaveGAN's (arXiv 1910.11480, Eqs. 4-6).
"""

from typing import cast

import torch
from torch import Tensor, nn

from auffusion.shapes import Waveform
from auffusion.vocoder.discriminators import Judgement


def discriminator_loss(real: Judgement, made: Judgement) -> Tensor:
    """Recordings are to be judged 1 and made sounds 0; summed over the discriminators."""
    recorded = [(1.0 - score.float()).square().mean() for score in real.scores]
    return torch.stack(recorded + [s.float().square().mean() for s in made.scores]).sum()


def generator_loss(made: Judgement) -> Tensor:
    """Made sounds are to be judged 1; summed over the discriminators."""
    return torch.stack([(1.0 - score.float()).square().mean() for score in made.scores]).sum()


def feature_loss(real: Judgement, made: Judgement) -> Tensor:
    """Mean absolute difference of what each layer of each discriminator found, summed."""
    pairs = [
        pair
        for ours, theirs in zip(real.features, made.features, strict=True)
        for pair in zip(ours, theirs, strict=True)
    ]
    return torch.stack([(a.detach() - b).abs().mean(dtype=torch.float32) for a, b in pairs]).sum()


class MultiResolutionStft(nn.Module):
    """Mean over several transforms of spectral convergence and log-magnitude distance.

    Convergence is each item's own, so that the distance of a batch is the mean of its items'.
    """

    def __init__(self, lengths: tuple[int, ...] = (128, 256, 512, 1024, 2048)) -> None:
        super().__init__()
        self.lengths = lengths

    def forward(self, estimate: Waveform, target: Waveform) -> Tensor:
        """Distance of two waveforms."""
        total = torch.zeros((), device=target.device)
        for length in self.lengths:
            a, b = _magnitude(estimate, length), _magnitude(target, length)
            # A silent target would divide by nothing.
            convergence = _sizes(b - a) / _sizes(b).clamp_min(1e-3)
            total = total + convergence.mean() + (b.log() - a.log()).abs().mean()
        return total / len(self.lengths)


def _sizes(values: Tensor) -> Tensor:
    # torch does not annotate its linear algebra.
    return cast("Tensor", torch.linalg.vector_norm(values, dim=(1, 2)))


def _magnitude(waveform: Waveform, length: int) -> Tensor:
    window = torch.hann_window(length, device=waveform.device)
    spectrum = torch.stft(waveform, length, length // 4, window=window, return_complex=True)
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-7)
