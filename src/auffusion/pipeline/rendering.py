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

# Frames beside a window of a long spectrogram that its sound is made with and that are thrown
# away: more than either vocoder's field of view (HiFi-GAN some 20, the Fourier head 24).
_CONTEXT = 64


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
        """The sound of each spectrogram, item by item and in bounded windows, in [-1, 1]."""
        items = [self._speak_windows(item[None]) for item in log_mel]
        return torch.cat(items).float().clamp(-1.0, 1.0)

    def _speak_windows(self, log_mel: LogMel) -> Waveform:
        frames, window = log_mel.shape[-1], 2 * self.canvas.frames
        if frames <= window:
            return self.vocoder(log_mel)
        hop = self.canvas.mel.hop_length
        parts: list[Waveform] = []
        for start in range(0, frames, window):
            first, end = max(start - _CONTEXT, 0), min(start + window, frames)
            part = self.vocoder(log_mel[..., first : end + _CONTEXT])
            parts.append(part[:, (start - first) * hop : (end - first) * hop])
        return torch.cat(parts, dim=-1)


def _array(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return tensor.float().cpu().numpy()


def _pictures(log_mel: LogMel) -> list[Image]:
    return [colourise(item) for item in log_mel.cpu()]
