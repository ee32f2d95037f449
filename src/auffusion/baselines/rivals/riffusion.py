"""Riffusion: Stable Diffusion that draws spectrograms, and Griffin-Lim that reads them.

Two of them. `riffusion` is the published https://huggingface.co/riffusion/riffusion-model-v1, made
for music: 44.1 kHz, 512 mel bands up to 10 kHz, a column each 441 samples. `riffusion-retrained` is
the one of the paper's Table 1 (B.3): the same idea at 16 kHz with 160 samples a column, each clip
stretched between its own lowest and highest value and cut to 8 bits; nobody has published it, and
`auffusion train diffusion riffusion` makes it.

Facts of the published form: https://github.com/riffusion/riffusion-hobby,
riffusion/spectrogram_params.py, spectrogram_converter.py and util/image_util.py.
"""

import math
from pathlib import Path
from typing import Any, cast

import diffusers
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
    StableDiffusionPipeline,
)
from jaxtyping import Float
from torch import Tensor
from transformers import CLIPTokenizer
from transformers.models.clip.modeling_clip import CLIPTextModel

from auffusion.baselines.contract import Source
from auffusion.baselines.griffin_lim import FrontEnd, Mel, MelInverter
from auffusion.baselines.parts import Part, load_part, load_small, quiet, read_config
from auffusion.baselines.sampling import Sampling
from auffusion.errors import InputError
from auffusion.shapes import Waveform

Picture = Float[Tensor, "batch height width"]
"""Brightness of the first channel on 256 levels from 0 to 1, the highest band in row 0."""

_ROUNDS = 32
# Widths are rounded up to what the U-Net halves three times on latents an eighth as wide.
_MULTIPLE = 64
# The loudest sample after the published converter's last step, 0.1 dB below full scale.
_PEAK = 10 ** (-0.1 / 20)


class _Painter:
    """Stable Diffusion: a prompt becomes a picture."""

    def __init__(self, source: Source) -> None:
        folder = source.folder
        pipeline: Part = StableDiffusionPipeline
        self._pipeline = pipeline(
            vae=load_part(AutoencoderKL, folder / "vae", source),
            text_encoder=load_part(CLIPTextModel, folder / "text_encoder", source),
            tokenizer=load_small(CLIPTokenizer, folder / "tokenizer"),
            unet=load_part(UNet2DConditionModel, folder / "unet", source),
            scheduler=_scheduler(folder / "scheduler"),
            # Neither is of use to spectrograms.
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def paint(
        self, prompt: str, generator: torch.Generator, sampling: Sampling, *, size: tuple[int, int]
    ) -> Picture:
        height, width = size
        with quiet():
            pictures = self._pipeline(
                prompt,
                height=height,
                width=math.ceil(width / _MULTIPLE) * _MULTIPLE,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                generator=generator,
                output_type="pt",
            ).images
        return (pictures[:, 0, :, :width].float() * 255.0).round() / 255.0


def _scheduler(folder: Path) -> Part:
    """The scheduler that a folder names."""
    name = str(read_config(folder / "scheduler_config.json").get("_class_name"))
    # Only a name that ends so is looked up: a file must not choose what is imported.
    kind = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if kind is None:
        raise InputError(f"{folder} names the scheduler {name!r}, which diffusers does not have")
    return load_small(kind, folder)


class Riffusion:
    """The published Riffusion.

    Args:
        source: the published files.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    front_end = FrontEnd(
        sample_rate=44_100,
        # 400, 100 and 10 ms.
        fft_length=17_640,
        window_length=4410,
        hop_length=441,
        bands=512,
        low_hz=0.0,
        high_hz=10_000.0,
        mel_scale="htk",
        area=False,
    )
    power = 0.25
    """Brightness is this power of the magnitude."""
    loudest = 30e6
    """Magnitude of the darkest value. As good as any: the sound is brought to full scale."""

    def __init__(self, source: Source) -> None:
        self._painter = _Painter(source)
        self._inverter = MelInverter(self.front_end, rounds=_ROUNDS, device=source.device)
        self.sample_rate = self.front_end.sample_rate

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """One channel at 44.1 kHz."""
        frames = math.ceil(sampling.length_s * self.sample_rate / self.front_end.hop_length)
        size = (self.front_end.bands, frames)
        picture = self._painter.paint(prompt, generator, sampling, size=size)
        return self.listen(picture, generator)

    def listen(self, picture: Picture, generator: torch.Generator) -> Waveform:
        """The sound of a picture, its loudest sample 0.1 dB below full scale."""
        return _full_scale(self._inverter(self.magnitude(picture), generator))

    def magnitude(self, picture: Picture) -> Mel:
        """Mel magnitudes of a picture, the lowest band first: dark is loud."""
        return (1.0 - picture.flip(1)).pow(1.0 / self.power) * self.loudest


def _full_scale(waveform: Waveform) -> Waveform:
    return waveform * (_PEAK / waveform.abs().max().clamp_min(1e-12))


class RetrainedRiffusion:
    """Riffusion as the paper re-trains it (B.3), from a folder of `auffusion train diffusion`.

    Args:
        source: a folder in Stable Diffusion's layout whose `model_index.json` holds the front-end
            under `mel` and Riffusion's picture scale under `image_scale`.

    Raises:
        InputError: it is incomplete, damaged, or was trained on another picture scale.
    """

    def __init__(self, source: Source) -> None:
        index = source.folder / "model_index.json"
        settings = read_config(index)
        if settings.get("text_convention") != "stable-diffusion":
            raise InputError(
                f"{source.folder} is not in Stable Diffusion's text convention, which the paper's "
                "Riffusion keeps: leave model.encoders out of its training"
            )
        self.front_end, self.floor = _front_end(settings, index)
        self.low, self.high = _scale(settings, index)
        self._painter = _Painter(source)
        self._inverter = MelInverter(self.front_end, rounds=_ROUNDS, device=source.device)
        self.sample_rate = self.front_end.sample_rate

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """One channel at 16 kHz."""
        frames = math.ceil(sampling.length_s * self.sample_rate / self.front_end.hop_length)
        size = (self.front_end.bands, frames)
        picture = self._painter.paint(prompt, generator, sampling, size=size)
        return self.listen(picture, generator)

    def listen(self, picture: Picture, generator: torch.Generator) -> Waveform:
        """The sound of a picture, its loudest sample 0.1 dB below full scale."""
        return _full_scale(self._inverter(self.magnitude(picture), generator))

    def magnitude(self, picture: Picture) -> Mel:
        """Mel magnitudes of a picture, the lowest band first.

        The range of the clip is not in the picture; it is taken for the whole range of the scale,
        to which Griffin-Lim "is not sensitive" (B.3).
        """
        log_mel = picture.flip(1) * (self.high - self.low) + self.low
        return (log_mel.exp() - self.floor * (1.0 + 1e-6)).clamp_min(0.0)


def _front_end(settings: dict[str, Any], path: Path) -> tuple[FrontEnd, float]:
    try:
        mel = cast("dict[str, Any]", dict(settings["mel"]))
        floor = float(mel.pop("floor"))
        return FrontEnd(**mel, mel_scale="slaney", area=True), floor
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} holds no front-end under 'mel': expected a folder that auffusion train "
            "diffusion riffusion wrote"
        ) from error


def _scale(settings: dict[str, Any], path: Path) -> tuple[float, float]:
    try:
        scale = cast("dict[str, Any]", dict(settings["image_scale"]))
        if scale.pop("kind") != "clip-min-max-8bit":
            raise ValueError
        return float(scale["low"]), float(scale["high"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} was not trained on Riffusion's picture scale (clip-min-max-8bit): expected a "
            "folder that auffusion train diffusion riffusion wrote"
        ) from error


def load(source: Source) -> Riffusion:
    """The published Riffusion."""
    return Riffusion(source)


def load_retrained(source: Source) -> RetrainedRiffusion:
    """The paper's Riffusion."""
    return RetrainedRiffusion(source)
