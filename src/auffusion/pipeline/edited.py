"""A recording of which a part was made anew: what inpainting and its kin give back."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from auffusion.edit.region import Region
from auffusion.shapes import Latent, Waveform


@dataclass(frozen=True, kw_only=True)
class EditedRecording:
    """A recording with generated regions.

    >>> import torch
    >>> edited = EditedRecording(
    ...     audio=torch.zeros(2, 44_100), sampling_rate=44_100, generated=torch.zeros(1, 16_000),
    ...     latents=torch.zeros(1, 4, 8, 16), regions=(), seed=0,
    ... )
    >>> edited.duration_s
    1.0
    """

    audio: Float[Tensor, "ear sample"]
    """The recording's channels at its own rate: its own samples but in the regions."""
    sampling_rate: int
    """Their rate in Hz."""
    generated: Waveform
    """All of what the model made, the kept part after its way through the model too; [1, time] at
    the model's rate and about the recording's level; it may exceed full scale."""
    latents: Latent
    """Its clean latent; where nothing was made anew, that of the recording."""
    regions: tuple[Region, ...]
    """What was made anew, in seconds of `audio`."""
    seed: int
    """What decided the noise."""
    truncated: str = ""
    """What the prompt lost because it was too long; "" for nothing."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.audio.shape[-1] / self.sampling_rate
