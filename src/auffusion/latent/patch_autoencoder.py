"""A light autoencoder of spectrogram pictures, built for processors without a GPU.

`AutoencoderKL` spends most of its time on layers at the picture's full resolution. This one folds
4x4 pixels into channels first and another 4x4 of those later, so that no layer is wider than a
sixteenth of the picture, and nothing in it looks further than a few hundred milliseconds: the
latent of a moment does not depend on the length of the sound around it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.shapes import Latent, SpecImage

FOLD = 4
"""Pixels folded into channels at each of the two levels; the latent is sixteen-fold smaller."""

Features = Float[Tensor, "batch channel height width"]


@dataclass(frozen=True, kw_only=True)
class PatchAutoencoderConfig:
    """Shape of the network."""

    latent_channels: int = 16
    """Numbers for each 16x16 pixels."""
    fine_channels: int = 48
    """Width at a quarter of the picture's height."""
    coarse_channels: int = 192
    """Width at a sixteenth."""
    fine_blocks: int = 3
    """Residual blocks at a quarter, on each side."""
    coarse_blocks: int = 2
    """Residual blocks at a sixteenth, on each side."""


class _Block(nn.Module):
    """Two convolutions added to the input; at the start they add nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Features) -> Features:
        # Normalised a place, not over the picture: a loud moment must not change a quiet one.
        y = x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-4) * self.gain
        return x + self.second(F.silu(self.first(F.silu(y))))


class PatchAutoencoder(nn.Module):
    """Pictures in [-1, 1] to the mean and log-variance of their latents, and back."""

    def __init__(self, config: PatchAutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PatchAutoencoderConfig()
        fine, coarse, area = config.fine_channels, config.coarse_channels, FOLD * FOLD
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(FOLD),
            nn.Conv2d(area, fine, 3, padding=1),
            *[_Block(fine) for _ in range(config.fine_blocks)],
            nn.PixelUnshuffle(FOLD),
            nn.Conv2d(fine * area, coarse, 1),
            *[_Block(coarse) for _ in range(config.coarse_blocks)],
            nn.Conv2d(coarse, 2 * config.latent_channels, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(config.latent_channels, coarse, 3, padding=1),
            *[_Block(coarse) for _ in range(config.coarse_blocks)],
            nn.Conv2d(coarse, fine * area, 1),
            nn.PixelShuffle(FOLD),
            *[_Block(fine) for _ in range(config.fine_blocks + 1)],
            nn.Conv2d(fine, area, 3, padding=1),
            nn.PixelShuffle(FOLD),
        )

    def encode(self, image: SpecImage) -> Features:
        """Means, then log-variances, on the channel axis."""
        return self.encoder(image.mean(dim=1, keepdim=True))

    def decode(self, latent: Latent) -> SpecImage:
        """The picture in three equal channels, not clamped."""
        return self.decoder(latent).expand(-1, 3, -1, -1)
