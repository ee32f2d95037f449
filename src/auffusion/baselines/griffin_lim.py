"""Mel magnitudes to sound without a trained vocoder, as Riffusion speaks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from auffusion.shapes import Waveform

Mel = Float[Tensor, "batch mel frame"]
Magnitude = Float[Tensor, "batch bin frame"]
Spectrum = Complex[Tensor, "batch bin frame"]


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """The analysis that is undone."""

    sample_rate: int
    """Samples a second."""
    fft_length: int
    """Points of the Fourier transform."""
    window_length: int
    """Samples of the periodic Hann window, centred in the transform."""
    hop_length: int
    """Samples from one frame to the next."""
    bands: int
    """Mel bands."""
    low_hz: float
    """Lower edge of the lowest band."""
    high_hz: float
    """Upper edge of the highest band."""
    mel_scale: Literal["htk", "slaney"]
    """Where the bands lie."""
    area: bool
    """Whether each filter has an area of one (Slaney's normalisation) or a peak of one."""


class MelInverter:
    """Mel magnitudes to a waveform: least squares for the spectrum, Griffin-Lim for the phase.

    Args:
        front_end: the analysis to undo.
        rounds: of Griffin-Lim.
        device: where it computes, in float32.
    """

    momentum = 0.99
    """Of the fast algorithm (Perraudin et al., WASPAA 2013), in the form of librosa and torchaudio:
    m / (1 + m) of the last estimate is subtracted."""

    def __init__(self, front_end: FrontEnd, *, rounds: int, device: torch.device) -> None:
        self.front_end = front_end
        self.rounds = rounds
        bank = mel_filter_bank(
            num_frequency_bins=front_end.fft_length // 2 + 1,
            num_mel_filters=front_end.bands,
            min_frequency=front_end.low_hz,
            max_frequency=front_end.high_hz,
            sampling_rate=front_end.sample_rate,
            norm="slaney" if front_end.area else None,
            mel_scale=front_end.mel_scale,
        )
        # The pseudo-inverse by way of the few bands and not the many bins: a third of the time.
        filters = torch.from_numpy(bank).double()
        # torch does not annotate it.
        bands = cast("Tensor", torch.linalg.pinv(filters.T @ filters, rtol=1e-12, hermitian=True))
        self._inverse = (filters @ bands).float().to(device)
        self._window = torch.hann_window(front_end.window_length, device=device)

    def __call__(self, mel: Mel, generator: torch.Generator) -> Waveform:
        """A waveform of ``frame * hop_length`` samples, frame k centred on its k-th hop.

        Args:
            mel: magnitudes, not their logarithms.
            generator: draws the phases to begin with.
        """
        # What torchaudio's InverseMelScale does: least squares, and nothing below zero.
        magnitude = (self._inverse @ mel.float().to(self._inverse.device)).clamp_min(0.0)
        turns = torch.rand(magnitude.shape, generator=generator).to(magnitude.device)
        waveform = self.griffin_lim(magnitude, 2 * math.pi * turns)
        hop = self.front_end.hop_length
        # The first and the last frame are centred on the ends of what comes out: half a hop is
        # missing at each.
        return F.pad(waveform, (hop // 2, hop - hop // 2))

    def griffin_lim(self, magnitude: Magnitude, phase: Magnitude) -> Waveform:
        """A waveform of ``(frame - 1) * hop_length`` samples whose magnitudes come close."""
        share = self.momentum / (1 + self.momentum)
        direction = torch.polar(torch.ones_like(phase), phase)
        last = torch.zeros_like(direction)
        for _ in range(self.rounds):
            waveform = self._synthesise(magnitude * direction)
            rebuilt = self._analyse(waveform)
            carried = rebuilt - share * last
            direction = carried / (carried.abs() + 1e-16)
            last = rebuilt
        return self._synthesise(magnitude * direction)

    def _analyse(self, waveform: Waveform) -> Spectrum:
        front_end = self.front_end
        return torch.stft(
            waveform,
            front_end.fft_length,
            front_end.hop_length,
            front_end.window_length,
            self._window,
            center=True,
            pad_mode="reflect" if waveform.shape[-1] > front_end.fft_length // 2 else "constant",
            return_complex=True,
        )

    def _synthesise(self, spectrum: Spectrum) -> Waveform:
        front_end = self.front_end
        invert = cast("Callable[..., Tensor]", torch.istft)
        return invert(
            spectrum,
            front_end.fft_length,
            front_end.hop_length,
            front_end.window_length,
            self._window,
            center=True,
        )
