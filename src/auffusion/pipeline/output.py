"""What one call of the pipeline gives back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from diffusers.utils.outputs import BaseOutput
from jaxtyping import Float
from PIL.Image import Image

from auffusion.shapes import Latent, LogMel, SpecImage, Waveform


@dataclass
class AuffusionOutput(BaseOutput):
    """Sounds and what they were made from, an item for each prompt and repetition.

    Which fields are filled depends on `output_type`; the others are None and are left out of
    `to_tuple()` and of iteration, as in every output of diffusers.

    ========  =============================  ==========================  ========================
    type      audios                         spectrograms                images
    ========  =============================  ==========================  ========================
    np        array, float32 in [-1, 1]      array                       PIL, colours of a scale
    pt        tensor, float32 in [-1, 1]     tensor                      tensor in [0, 1]
    mel       -                              tensor                      tensor in [0, 1]
    image     -                              -                           PIL, colours of a scale
    latent    -                              -                           - (`latents` is filled)
    ========  =============================  ==========================  ========================

    The published class gives int16; `auffusion.audio.write_audio` makes exactly those numbers of
    ours when it writes a file (`to_int16`: truncated towards zero, saturated).
    """

    audios: Float[np.ndarray, "batch time"] | Waveform | None = None
    """Sounds at `sampling_rate`, exactly as long as asked for."""
    spectrograms: Float[np.ndarray, "batch mel frame"] | LogMel | None = None
    """Log-mel spectrograms, as many frames as the sound has begun."""
    images: SpecImage | list[Image] | None = None
    """The spectrograms as pictures."""
    latents: Latent | None = None
    """Clean latents, as wide as the model's grid."""
    sampling_rate: int = 16_000
    """Samples a second."""
    seeds: Sequence[int] | None = None
    """The seed of each item; None when generators or latents were given instead."""
    truncated: Sequence[str] = ()
    """What each prompt lost because it was too long for the text encoder; "" where nothing."""
