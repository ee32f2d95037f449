"""From a clean latent to what the caller asked to hear or see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL.Image import Image

from auffusion.errors import InputError
from auffusion.image import MelImageCodec, colourise
from auffusion.latent import LatentCodec
from auffusion.pipeline.canvas import Canvas
from auffusion.shapes import Latent, LogMel, Waveform

OutputType = Literal["np", "pt", "mel", "image", "latent"]
"""How far a call goes, and in what form its result comes (`AuffusionOutput`)."""

OUTPUT_TYPES: tuple[str, ...] = get_args(OutputType)


def check_output_type(output_type: str) -> None:
    """Raise `InputError` unless it is one of `OUTPUT_TYPES`."""
    if output_type not in OUTPUT_TYPES:
        raise InputError(
            f"output_type {output_type!r} is unknown: choose one of {', '.join(OUTPUT_TYPES)}"
        )


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """The way out: latent, picture, log-mel, waveform."""

    latent_codec: LatentCodec
    image_codec: MelImageCodec
    vocoder: Callable[[LogMel], Waveform]
    canvas: Canvas

    def render(self, latent: Latent, samples: int, output_type: str) -> dict[str, Any]:
        """The filled fields of an `AuffusionOutput`.

        Args:
            latent: clean latents.
            samples: samples of each sound; what the grid holds beyond is cut off.
            output_type: one of `OUTPUT_TYPES`.

        Raises:
            InputError: the latent holds numbers that are not finite.
        """
        if not torch.isfinite(latent).all():
            raise InputError(
                "the model's result is not finite: its weights are damaged, or the precision or "
                "the scheduler does not suit it; try float32 and the model's own scheduler"
            )
        if output_type == "latent":
            return {"latents": latent}
        image = self.latent_codec.decode(latent)
        log_mel = self.image_codec.decode(image)
        frames = self.canvas.frames_of(samples)
        shown, mel = image[..., :frames], log_mel[..., :frames]
        if output_type == "image":
            return {"images": _pictures(mel)}
        if output_type == "mel":
            return {"spectrograms": mel, "images": shown}
        # The vocoder hears what the grid holds beyond the end, so that the end is not an edge.
        audio = self.speak(log_mel)[:, :samples]
        if output_type == "pt":
            return {"audios": audio, "spectrograms": mel, "images": shown}
        return {"audios": _array(audio), "spectrograms": _array(mel), "images": _pictures(mel)}

    def speak(self, log_mel: LogMel) -> Waveform:
        """The sound of each spectrogram, made item by item, in [-1, 1]."""
        sounds = torch.cat([self.vocoder(item[None]) for item in log_mel])
        return sounds.float().clamp(-1.0, 1.0)


def _array(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return tensor.float().cpu().numpy()


def _pictures(log_mel: LogMel) -> list[Image]:
    return [colourise(item) for item in log_mel.cpu()]
