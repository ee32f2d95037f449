"""Waveform to log-mel spectrogram: the front-end of the published checkpoints (paper §4.1, B.1)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from auffusion.errors import InputError
from auffusion.mel.filterbank import mel_filterbank
from auffusion.shapes import LogMel, Waveform

PEAK = 0.95
"""The level that `normalise_peak` brings every sound to before analysis."""

# A frame's spectrum takes forty times the memory of its samples: ten minutes at once would need
# a gigabyte. So many frames are analysed at a time, 41 s of sound at the published hop.
_BLOCK = 4096


@dataclass(frozen=True, kw_only=True)
class MelConfig:
    """What the front-end and a vocoder must agree on."""

    sample_rate: int = 16_000
    """Samples a second."""
    fft_length: int = 2048
    """Points of the Fourier transform."""
    window_length: int = 1024
    """Samples of the periodic Hann window, centred in the transform."""
    hop_length: int = 160
    """Samples from one frame to the next."""
    bands: int = 256
    """Mel bands, the height of the picture."""
    low_hz: float = 0.0
    """Lower edge of the lowest band."""
    high_hz: float = 8000.0
    """Upper edge of the highest band."""
    floor: float = 1e-5
    """Magnitudes below this are raised to it before the logarithm."""

    def __post_init__(self) -> None:
        if not self.hop_length <= self.window_length <= self.fft_length:
            raise InputError(
                f"hop_length {self.hop_length}, window_length {self.window_length} and fft_length "
                f"{self.fft_length} must not decrease in this order"
            )
        if self.hop_length < 1 or (self.fft_length - self.hop_length) % 2:
            # Half the difference is padded at each end; a half sample cannot be.
            raise InputError(
                f"hop_length {self.hop_length} must be at least 1 and differ from fft_length "
                f"{self.fft_length} by an even number"
            )
        if self.bands < 1 or not self.floor > 0:
            raise InputError(
                f"bands {self.bands} must be at least 1, and floor {self.floor} above zero"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise InputError(
                f"the mel range {self.low_hz}-{self.high_hz} Hz must lie within 0 and half the "
                f"sample rate, {self.sample_rate / 2} Hz"
            )

    @property
    def padding(self) -> int:
        """Samples reflected at each end."""
        return (self.fft_length - self.hop_length) // 2

    @property
    def minimum_samples(self) -> int:
        """The shortest sound that can be analysed: one frame, and more than what is reflected."""
        return max(self.padding + 1, self.hop_length)

    def duration_s(self, frames: int) -> float:
        """Seconds of sound in so many frames."""
        return frames * self.hop_length / self.sample_rate


def normalise_peak(waveform: Waveform, peak: float = PEAK) -> Waveform:
    """Each item scaled so that its largest sample is `peak`; silence stays silence.

    >>> normalise_peak(torch.tensor([[0.0, -0.5], [0.0, 0.0]])).tolist()
    [[0.0, -0.949...], [0.0, 0.0]]
    """
    largest = waveform.abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > 0, waveform / largest.clamp_min(1e-12) * peak, waveform)


class MelSpectrogram(nn.Module):
    """Log-mel spectrogram of a waveform in [-1, 1] at the config's rate.

    Natural logarithm of mel-weighted magnitudes, floored at 1e-5 (silence is -11.512925).
    """

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self, config: MelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MelConfig()
        self.register_buffer("window", torch.hann_window(config.window_length), persistent=False)
        filters = mel_filterbank(
            sample_rate=config.sample_rate,
            fft_length=config.fft_length,
            bands=config.bands,
            low_hz=config.low_hz,
            high_hz=config.high_hz,
        )
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Waveform) -> LogMel:
        """Analyse; the number of frames is ``time // hop_length``.

        Raises:
            InputError: fewer than `MelConfig.minimum_samples` samples.
        """
        config = self.config
        if waveform.shape[-1] < config.minimum_samples:
            raise InputError(
                f"a sound of {waveform.shape[-1]} samples is too short to analyse: at least "
                f"{config.minimum_samples} samples are needed, pad it with silence"
            )
        # Padding by (fft - hop) in all puts frame k on samples [k·hop, (k+1)·hop), so that a
        # vocoder that upsamples each frame by hop gives back exactly the input length.
        padded = F.pad(waveform[:, None], (config.padding, config.padding), mode="reflect")[:, 0]
        frames = waveform.shape[-1] // config.hop_length
        blocks = [
            self._analyse(padded[:, first * config.hop_length :], min(_BLOCK, frames - first))
            for first in range(0, frames, _BLOCK)
        ]
        return torch.cat(blocks, dim=-1)

    def _analyse(self, padded: Waveform, frames: int) -> LogMel:
        """The first `frames` frames of a padded waveform."""
        config = self.config
        spectrum = torch.stft(
            padded[:, : (frames - 1) * config.hop_length + config.fft_length],
            config.fft_length,
            config.hop_length,
            config.window_length,
            self.window,
            center=False,
            return_complex=True,
        )
        # The published front-end adds 1e-9 under the root; its model was trained on that.
        magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)
        return torch.log((self.filters @ magnitude).clamp_min(config.floor))
