"""A vocoder without weights: the fast Griffin-Lim algorithm (Perraudin et al., WASPAA 2013).

The paper's reference [37], by which its Riffusion baseline speaks (B.3). Any log-mel of the
front-end becomes sound, of lower quality than a trained vocoder's.
"""

import math
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.mel import MelConfig, mel_filterbank
from auffusion.shapes import LogMel, Waveform

Magnitude = Float[Tensor, "batch bin frame"]
Spectrum = Complex[Tensor, "batch bin frame"]

_PHASE_SEED = 0
_INVERSION_ROUNDS = 20


@dataclass(frozen=True, kw_only=True)
class GriffinLimConfig:
    """The front-end to undo, and how patiently."""

    mel: MelConfig = field(default_factory=MelConfig)
    """The front-end that made the log-mels."""
    rounds: int = 64
    """Projections; twice as many take twice as long, and leave a tenth less error."""
    momentum: float = 0.99
    """How far each step is carried on, alpha in the paper; 0 is the plain algorithm of 1984."""

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0.0 <= self.momentum < 2.0:
            raise InputError(
                f"Griffin-Lim needs at least one round, not {self.rounds}, and a momentum from 0 "
                f"to below 2, not {self.momentum}"
            )


def mel_to_magnitude(
    log_mel: LogMel, filters: Float[Tensor, "mel bin"], *, floor: float = 1e-5
) -> Magnitude:
    """Non-negative magnitudes x whose mel bands A·x come close to those given.

    Multiplicative updates for the Kullback-Leibler divergence (Lee and Seung, 2001),
    x ← x · Aᵀ(y / A·x) / Aᵀ1, starting from each band spread over its bins. Silence (the floor)
    gives exactly 0.
    """
    # Measured on six recordings of 4 s (drums, bass, guitar, bell, noise, a drone) against their
    # true magnitudes, as relative error and as deviation of the logarithms: the clamped
    # pseudo-inverse 0.23 and 0.83, multiplicative updates for least squares 0.20 and 0.69 after
    # 100 rounds, these 0.19 and 0.60 after 20, and no better after 100. The pseudo-inverse is worst
    # on the bell (0.59 against 0.40), where clamping its negative half leaves energy between lines.
    # A millionth more than the floor is taken off, which the exponential rounds by.
    bands = (log_mel.exp() - floor * (1.0 + 1e-6)).clamp_min(0.0)
    covered = filters.sum(dim=0)[:, None].clamp_min(1e-8)
    estimate = filters.T @ (bands / filters.sum(dim=1)[:, None].clamp_min(1e-8)) / covered
    for _ in range(_INVERSION_ROUNDS):
        ratio = bands / (filters @ estimate).clamp_min(1e-10)
        estimate = estimate * (filters.T @ ratio) / covered
    return estimate


def _with_magnitude(magnitude: Magnitude, spectrum: Spectrum) -> Spectrum:
    # Not `sgn`, which squares, and gives nan where the square of a tiny number is 0.
    return spectrum * (magnitude / spectrum.abs().clamp_min(1e-20))


class GriffinLim(nn.Module):
    """Log-mel to waveform; ``frame * hop_length`` samples come out, the same at every call.

    >>> silence = torch.full((1, 256, 4), math.log(1e-5))
    >>> GriffinLim()(silence).abs().sum(), GriffinLim()(silence).shape
    (tensor(0.), torch.Size([1, 640]))
    """

    window: Tensor
    filters: Tensor

    def __init__(self, config: GriffinLimConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GriffinLimConfig()
        mel = config.mel
        # Centred in the transform, as the front-end's.
        before = (mel.fft_length - mel.window_length) // 2
        after = mel.fft_length - mel.window_length - before
        window = F.pad(torch.hann_window(mel.window_length), (before, after))
        self.register_buffer("window", window, persistent=False)
        filters = mel_filterbank(
            sample_rate=mel.sample_rate,
            fft_length=mel.fft_length,
            bands=mel.bands,
            low_hz=mel.low_hz,
            high_hz=mel.high_hz,
        )
        self.register_buffer("filters", filters, persistent=False)

    @torch.no_grad()
    def forward(self, log_mel: LogMel, start: Waveform | None = None) -> Waveform:
        """Synthesise.

        Args:
            log_mel: of the config's front-end.
            start: a waveform whose phases to begin with, such as a trained vocoder's; None begins
                with random ones.

        Two sets of spectra are projected on in turn: those with the wanted magnitudes s, and
        those that a waveform has. With c the latter, c' ← STFT(ISTFT(s · t/|t|)) and
        t ← c' + momentum · (c' - c).
        """
        mel = self.config.mel
        magnitude = mel_to_magnitude(log_mel.float(), self.filters, floor=mel.floor)
        if start is None:
            carried = consistent = torch.polar(magnitude, self._first_phase(magnitude))
        else:
            carried = consistent = self._analyse(F.pad(start, (mel.padding, mel.padding)))
        for _ in range(self.config.rounds - 1):
            waveform = self._synthesise(_with_magnitude(magnitude, carried))
            previous, consistent = consistent, self._analyse(waveform)
            carried = consistent + self.config.momentum * (consistent - previous)
        waveform = self._synthesise(_with_magnitude(magnitude, carried))
        return waveform[:, mel.padding : mel.padding + log_mel.shape[-1] * mel.hop_length]

    def _first_phase(self, magnitude: Magnitude) -> Magnitude:
        # Random, for a tone then ends with half the error that it has from zero phases; seeded,
        # and the same for each item, so that a sound depends on its log-mel alone.
        generator = torch.Generator().manual_seed(_PHASE_SEED)
        turns = torch.rand(magnitude.shape[-1], magnitude.shape[-2], generator=generator)
        return (2 * math.pi * turns.T.to(magnitude.device)).expand_as(magnitude)

    def _analyse(self, waveform: Waveform) -> Spectrum:
        mel = self.config.mel
        return torch.stft(
            waveform,
            mel.fft_length,
            mel.hop_length,
            window=self.window,
            center=False,
            return_complex=True,
        )

    def _synthesise(self, spectrum: Spectrum) -> Waveform:
        """The waveform whose spectrum is closest: windowed frames, overlapped and averaged."""
        mel = self.config.mel
        # torch does not annotate its transforms.
        frames = cast("Tensor", torch.fft.irfft(spectrum, mel.fft_length, dim=1))
        weights = self.window.square()[None, :, None].expand(1, -1, spectrum.shape[-1])
        # At both ends, outside the part that is kept, no window reaches.
        return self._overlap(frames * self.window[:, None]) / self._overlap(weights).clamp_min(1e-8)

    def _overlap(self, frames: Float[Tensor, "batch sample frame"]) -> Waveform:
        length, hop = self.config.mel.fft_length, self.config.mel.hop_length
        total = (frames.shape[-1] - 1) * hop + length
        return F.fold(frames, (1, total), (1, length), stride=(1, hop))[:, 0, 0]
