"""A recording on its way into a model: at its rate and level, as wide as its grid."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.audio import fit_length, resample, to_mono
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline.canvas import SHORTEST_S
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.loudness import as_loud_as
from auffusion.pipeline.output import AuffusionOutput
from auffusion.shapes import Latent, LogMel, SpecImage, Waveform

Channels = Float[Tensor, "channel time"]
Sound = (
    Channels | Float[Tensor, "time"] | Float[np.ndarray, "channel time"] | Float[np.ndarray, "time"]
)
"""A user's samples in [-1, 1]: one channel or several."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One sound as it came, and as a model knows sounds."""

    channels: Float[Tensor, "channel sample"]
    """Its own samples, all channels."""
    rate: int
    """Their rate in Hz."""
    waveform: Waveform
    """[1, time] at the model's rate: the mean of the channels, as loud as it came."""

    @property
    def samples(self) -> int:
        """Samples at the model's rate."""
        return self.waveform.shape[-1]

    @property
    def seconds(self) -> float:
        """Length in seconds, by its own samples."""
        return self.channels.shape[-1] / self.rate

    @property
    def gain(self) -> float:
        """What brings a sound from the level that models know back to this one's.

        Models know one loudness only (`normalise_peak`).
        """
        level = normalise_peak(self.waveform).abs().amax()
        return float(self.waveform.abs().amax() / level) if level > 0 else 1.0

    def made_as_loud(self, output: AuffusionOutput) -> AuffusionOutput:
        """Sounds of a model, each as loud as this one; the pictures stay those of the model."""
        if output.audios is None:
            return output
        sounds = torch.as_tensor(output.audios)
        louder = as_loud_as(sounds, self.waveform.to(sounds.device))
        as_array = isinstance(output.audios, np.ndarray)
        return replace(output, audios=louder.numpy() if as_array else louder)

    def at_its_level(self, output: AuffusionOutput) -> AuffusionOutput:
        """Sounds of a model, as loud as this one; the pictures stay those of the model."""
        audios = output.audios
        return replace(output, audios=None if audios is None else (audios * self.gain).clip(-1, 1))

    def log_mel(self, chain: Chain) -> LogMel:
        """[1, mel, frame] of the normalised sound, silence behind it up to the grid's end."""
        canvas, mel = chain.canvas, chain.model.mel
        whole = canvas.columns(self.samples) * canvas.pixels * mel.hop_length
        analyse = MelSpectrogram(mel).to(chain.device)
        level = normalise_peak(self.waveform).to(chain.device)
        return analyse(fit_length(level, max(whole, mel.minimum_samples)))

    def image(self, chain: Chain) -> SpecImage:
        """The picture of `log_mel`, in [0, 1]."""
        return chain.model.image_codec.encode(self.log_mel(chain)).clamp(0.0, 1.0)

    def latent(self, chain: Chain, generator: torch.Generator | None = None) -> Latent:
        """[1, channel, height, width]: the posterior's mean, or a draw by a generator."""
        generators = None if generator is None else [generator]
        encoded = chain.model.latent_codec.encode(self.image(chain), generators=generators)
        return chain.placed(encoded)


def as_recording(audio: Sound, rate: int, chain: Chain) -> Recording:
    """A recording for a model.

    Args:
        audio: samples in [-1, 1], one channel or several.
        rate: in Hz.
        chain: of the model.

    Raises:
        InputError: samples that are no numbers, or a length that the model cannot make.
    """
    channels = as_channels(audio)
    if not torch.isfinite(channels).all():
        raise InputError("the recording holds NaN or infinite samples")
    seconds = channels.shape[-1] / rate
    if seconds < SHORTEST_S:
        raise InputError(
            f"the recording is {seconds:.2f} s long, and {SHORTEST_S} s is the least a model makes"
        )
    waveform = resample(to_mono(channels).float(), rate, chain.model.mel.sample_rate)
    # Refuses what is longer than any sound that can be made.
    chain.canvas.samples(waveform.shape[-1] / chain.model.mel.sample_rate)
    return Recording(channels=channels, rate=rate, waveform=waveform)


def as_channels(audio: Sound) -> Channels:
    """A user's samples as channels float32 or wider."""
    given = torch.as_tensor(audio).detach().cpu()
    # What has more bits than float32 keeps them: edits give untouched samples back.
    given = given if given.dtype == torch.float64 else given.float()
    return given[None] if given.ndim == 1 else given
