"""What a network is given of a sound file: which channel, at what rate, resampled and scaled how.

Two suites that use the same network differ here, and their scores with it, so that all of it
belongs to a feature's identity.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from auffusion.audio import fit_length, resample
from auffusion.audio.rates import check_rate
from auffusion.errors import InputError
from auffusion.evaluate.sinc_resampling import sinc_resample
from auffusion.mel import normalise_peak
from auffusion.shapes import Waveform


class Channels(StrEnum):
    """How several channels become one."""

    FIRST = "first"
    """The first one is taken, the others are not heard."""
    MEAN = "mean"
    """Their mean."""


class Resampler(StrEnum):
    """How a sound gets to another rate."""

    SINC = "sinc"
    """`torchaudio.functional.resample` with its defaults: 28 dB off near a source's upper limit."""
    WIDE_SINC = "wide-sinc"
    """`torchaudio.transforms.Resample`, the same up to some 1e-5."""
    SOXR = "soxr"
    """soxr's HQ."""


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """How a sound is prepared, in the order of the fields."""

    channels: Channels = Channels.MEAN
    """How several channels become one."""
    remove_mean: bool = False
    """Whether the mean of the whole sound is subtracted, at the file's rate."""
    sample_rate: int
    """In Hz."""
    resampler: Resampler = Resampler.SOXR
    """How it gets to that rate."""
    longest: int | None = None
    """Samples at that rate; the rest of a longer sound is not heard."""
    normalise_peak: bool = False
    """Whether the largest sample becomes 1; silence stays silence."""
    shortest: int = 1
    """Samples at that rate; silence follows a sound that is shorter."""
    enough: int = 1
    """Samples from which on the network hears nothing but the sound."""

    def __post_init__(self) -> None:
        check_rate(self.sample_rate, "a network")
        if self.shortest < 1 or (self.longest is not None and self.longest < 1):
            raise InputError(
                f"a network that hears {self.shortest} to {self.longest} samples hears nothing"
            )

    def pads(self, frames: int, rate: int) -> bool:
        """Whether a sound of so many frames is filled up with silence or with itself."""
        return frames * self.sample_rate < max(self.shortest, self.enough) * rate

    def prepare(self, channels: NDArray[np.float32], rate: int) -> Waveform:
        """One item as the network hears it.

        Args:
            channels: [channel, time], about [-1, 1].
            rate: of the samples, in Hz.
        """
        waveform = torch.from_numpy(self._one(channels))[None]
        if self.remove_mean:
            waveform = waveform - waveform.mean()
        waveform = self._resampled(waveform, rate)[:, : self.longest]
        if self.normalise_peak:
            waveform = normalise_peak(waveform, 1.0)
        return fit_length(waveform, max(self.shortest, waveform.shape[-1]))

    def _resampled(self, waveform: Waveform, rate: int) -> Float[Tensor, "batch resampled"]:
        if self.resampler is Resampler.SOXR:
            return resample(waveform, rate, self.sample_rate)
        wide = self.resampler is Resampler.WIDE_SINC
        return sinc_resample(waveform, rate, self.sample_rate, wide=wide)

    def _one(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.channels is Channels.FIRST or len(channels) == 1:
            return channels[0].copy()
        # In float64 the sum of 32 large channels stays finite.
        return channels.mean(axis=0, dtype=np.float64).astype(np.float32)


AUDIOLDM_EVAL = Hearing(
    channels=Channels.FIRST,
    remove_mean=True,
    sample_rate=16_000,
    resampler=Resampler.SINC,
    shortest=32_000,
)
"""What haoheliu/audioldm_eval gives PANNs and VGGish (`datasets/load_mel.py` at 8dc07ee)."""


def av_bench(sample_rate: int, *, seconds: int, shortest: int = 1) -> Hearing:
    """What hkchengrex/av-benchmark gives its networks (`data/audio_dataset.py` at 050a5cd).

    Args:
        sample_rate: in Hz.
        seconds: of a sound that are heard; 8 unless it is told otherwise.
        shortest: samples that its extraction pads to.
    """
    return Hearing(
        remove_mean=True,
        sample_rate=sample_rate,
        resampler=Resampler.WIDE_SINC,
        longest=seconds * sample_rate,
        shortest=shortest,
    )
