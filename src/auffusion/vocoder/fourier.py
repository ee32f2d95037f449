"""A light vocoder: a ConvNeXt backbone and an inverse Fourier transform as its head.

After Vocos (arXiv 2306.00814): the network stays at the frame rate and predicts the spectrum of
each frame, so that all upsampling is one inverse transform. The embedded model speaks through it;
on a CPU it is some fifty times cheaper than HiFi-GAN at the published size.
"""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.shapes import LogMel, Waveform

# The spectrum's magnitude is an exponential; unbounded it overflows early in training.
_LARGEST_LOG_MAGNITUDE = 6.0


@dataclass(frozen=True, kw_only=True)
class FourierVocoderConfig:
    """Shape of the network and of its inverse transform."""

    bands: int = 256
    """Mel bands of the input."""
    channels: int = 192
    """Width of the backbone."""
    blocks: int = 6
    """Number of ConvNeXt blocks."""
    expansion: int = 3
    """Width of a block's inner layer, in multiples of `channels`."""
    fft_length: int = 640
    """Points of the inverse transform, and its window."""
    hop_length: int = 160
    """Samples each frame gives."""
    dither: float = 0.2
    """Standard deviation of the noise added to the input; training adds its own."""

    def __post_init__(self) -> None:
        if self.fft_length < 2 * self.hop_length or self.fft_length % 2:
            raise InputError(
                f"fft_length {self.fft_length} must be even and at least twice the hop_length "
                f"{self.hop_length}, or the frames do not overlap"
            )


class _ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron a frame, added to the input."""

    def __init__(self, channels: int, expansion: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.widen = nn.Linear(channels, expansion * channels)
        self.narrow = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(
        self, x: Float[Tensor, "batch channel frame"]
    ) -> Float[Tensor, "batch channel frame"]:
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.narrow(F.gelu(self.widen(y))) * self.scale
        return x + y.transpose(1, 2)


def _fixed_noise(log_mel: LogMel) -> Float[Tensor, "mel frame"]:
    """The same noise for every sound.

    A decoder's spectrogram is smooth where the sound is noise, and convolutions turn a smooth
    input into a buzz at the frame rate; what is fixed stays reproducible.
    """
    source = torch.Generator().manual_seed(0)
    frames_first = torch.randn(log_mel.shape[-1], log_mel.shape[-2], generator=source)
    return frames_first.T.to(log_mel)


class FourierVocoder(nn.Module):
    """Log-mel to waveform; ``frame * hop_length`` samples come out."""

    window: Tensor

    def __init__(self, config: FourierVocoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FourierVocoderConfig()
        self.embed = nn.Conv1d(config.bands, config.channels, 7, padding=3)
        self.norm_in = nn.LayerNorm(config.channels, eps=1e-6)
        self.blocks = nn.ModuleList(
            _ConvNextBlock(config.channels, config.expansion, 1.0 / config.blocks)
            for _ in range(config.blocks)
        )
        self.norm_out = nn.LayerNorm(config.channels, eps=1e-6)
        self.head = nn.Linear(config.channels, config.fft_length + 2)
        self.register_buffer("window", torch.hann_window(config.fft_length), persistent=False)

    def forward(self, log_mel: LogMel) -> Waveform:
        """Synthesise.

        Args:
            log_mel: natural-log mel spectrogram, `bands` rows.
        """
        if not self.training:
            log_mel = log_mel + self.config.dither * _fixed_noise(log_mel)
        # Log-mels lie near -11.5 … 5; centred, the first layer sees numbers of order one.
        x = self.embed((log_mel + 5.0) / 4.0)
        x = self.norm_in(x.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        x = self.head(self.norm_out(x.transpose(1, 2))).transpose(1, 2)
        log_magnitude, phase = x.chunk(2, dim=1)
        magnitude = torch.exp(log_magnitude.clamp(max=_LARGEST_LOG_MAGNITUDE))
        # cos and sin of an unbounded number: a phase without a jump at ±π.
        spectrum = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        return self._overlap_add(spectrum)

    def _overlap_add(self, spectrum: Tensor) -> Waveform:
        length, hop = self.config.fft_length, self.config.hop_length
        # torch does not annotate its transforms.
        frames = cast("Tensor", torch.fft.irfft(spectrum, length, dim=1, norm="backward"))
        frames = frames * self.window[:, None]
        total = (spectrum.shape[-1] - 1) * hop + length
        fold = {"output_size": (1, total), "kernel_size": (1, length), "stride": (1, hop)}
        waveform = F.fold(frames, **fold)[:, 0, 0]
        weights = self.window.square()[None, :, None].expand(1, -1, spectrum.shape[-1])
        envelope = F.fold(weights, **fold)[:, 0, 0]
        # Frame k belongs to samples [k·hop, (k+1)·hop), in the middle of its transform.
        edge = (length - hop) // 2
        kept = slice(edge, edge + spectrum.shape[-1] * hop)
        return waveform[:, kept] / envelope[:, kept].clamp_min(1e-3)
