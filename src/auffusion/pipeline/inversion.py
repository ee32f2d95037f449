"""A recording as a walk that leads back to it: what edits start from in place of noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from auffusion.denoise import ClassifierFreeGuidance, Predictor, Scheduler
from auffusion.edit.null_text import NullTextGuidance
from auffusion.errors import InputError
from auffusion.pipeline.chain import Sampling
from auffusion.pipeline.recording import Recording
from auffusion.shapes import Latent, TextEmbedding

InversionMethod = Literal["ddim", "null-text", "ddpm"]
"""How a recording is walked back to noise."""


@dataclass(frozen=True, kw_only=True)
class ReconstructionError:
    """How far the walk back ends from the recording."""

    latent: float
    """Root mean square of the difference of the latents, whose deviation is about 1."""
    log_mel_db: float
    """Mean absolute difference between the recording's log-mel and the one that comes out."""
    codec_db: float
    """What of it the picture and the VAE cost alone, without any walk."""

    def __str__(self) -> str:
        return (
            f"reconstruction error {self.latent:.4f} in the latent (rms), {self.log_mel_db:.2f} dB "
            f"in the log-mel, where encoding alone costs {self.codec_db:.2f} dB"
        )


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """What `AuffusionPipeline.invert` found; it serves any number of edits.

    An edit replaces three things of a call by those of the inversion, and its result follows the
    recording as far as its own changes let it:

    - the start: ``inversion.starts(items)`` in place of noise,
    - the scheduler: ``inversion.walk`` in place of the model's,
    - the guidance: ``inversion.guided(guidance)`` around `Chain.guidance`, with the numbers of
      ``inversion.sampling``.
    """

    method: InversionMethod
    """How it was made."""
    prompt: str
    """What the recording was described with."""
    negative_prompt: str | None
    """What guidance moves away from; None is no text."""
    sampling: Sampling
    """Steps of the whole walk and the guidance scale; another scale would leave the path."""
    strength: float
    """The part of the walk that is walked; below 1 the start still holds of the recording."""
    seed: int
    """Of the noise of the method ddpm."""
    recording: Recording
    """The recording."""
    latent: Latent
    """[1, channel, height, width]: the recording's own."""
    start: Latent
    """[1, channel, height, width] where the walk begins."""
    walk: Scheduler
    """The walk from there to the recording; it keeps nothing between calls."""
    nulls: Mapping[int, TextEmbedding] | None
    """Unconditional embeddings by timestep, of the method null-text."""
    error: ReconstructionError
    """How well the walk finds back, measured by walking it."""

    def starts(self, items: int) -> Latent:
        """The start of each of so many items."""
        return self.start.repeat(items, 1, 1, 1)

    def guided(self, guidance: ClassifierFreeGuidance) -> Predictor:
        """The predictor that keeps to the path, for any number of items.

        Raises:
            InputError: guidance of another scale than the inversion's.
        """
        if guidance.scale != self.sampling.scale:
            raise InputError(
                f"the recording was inverted for guidance {self.sampling.scale}, so that an edit "
                f"with {guidance.scale} would lose it: invert it again with that scale"
            )
        return on_path(guidance, self.nulls)


def on_path(
    guidance: ClassifierFreeGuidance, nulls: Mapping[int, TextEmbedding] | None
) -> Predictor:
    """The guidance, with unconditional embeddings for each timestep where there are any."""
    return guidance if nulls is None else NullTextGuidance(guidance, nulls)


def check_inversion(method: str, strength: float = 1.0, iterations: int | None = None) -> None:
    """Raise `InputError` for a method that does not exist or numbers that it cannot take."""
    if method not in get_args(InversionMethod):
        raise InputError(
            f"there is no inversion method {method!r}: choose one of "
            f"{', '.join(get_args(InversionMethod))}"
        )
    # Written so that NaN fails too.
    if not 0 < strength <= 1:
        raise InputError(f"a strength of {strength} is out of range: choose above 0 to 1")
    if iterations is not None and (method == "ddpm" or iterations < 0):
        raise InputError(
            f"{iterations} iterations make no sense for the method {method}: leave them out, or "
            "give 0 or more to ddim and 1 or more to null-text"
        )
