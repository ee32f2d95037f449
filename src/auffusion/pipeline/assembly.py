"""The parts of a model in one piece, and the stages built from them.

What diffusers gives (moving, offloading, saving, LoRA, the parts' registry) is inherited here;
`AuffusionPipeline` adds what is done with it.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from auffusion.hub import HubOptions
from auffusion.image import MelImageCodec
from auffusion.latent import LatentCodec
from auffusion.mel import MelConfig
from auffusion.pipeline.agreement import check_agreement
from auffusion.pipeline.canvas import Canvas
from auffusion.pipeline.hub import model_folder
from auffusion.pipeline.parts import read_parts
from auffusion.pipeline.rendering import Renderer
from auffusion.text import TextBranch, TextEncoder

# Not `Self`, which the shape checks of the tests cannot follow into a class method.
Model = TypeVar("Model", bound="AssembledModel")


class AssembledModel(DiffusionPipeline, StableDiffusionLoraLoaderMixin):
    """The networks, tokenizers and settings of one model.

    Moving, offloading, swapping the scheduler, LoRA and saving are diffusers' own:
    ``pipe.to("cuda")``, ``pipe.scheduler = X.from_config(pipe.scheduler.config)``,
    ``pipe.load_lora_weights(...)``, ``pipe.save_pretrained(...)``.

    Args:
        vae: `AutoencoderKL`.
        text_encoder: a transformers encoder.
        tokenizer: its fast tokenizer.
        unet: `UNet2DConditionModel`.
        scheduler: any diffusers scheduler.
        vocoder: a component of `auffusion.pipeline.components`.
        condition_adapter: from the encoder's features to the U-Net's; None for none.
        text_encoder_2: a second encoder, whose rows follow the first one's.
        tokenizer_2: its tokenizer.
        condition_adapter_2: its adapter.
        text_convention: "adapter" or "stable-diffusion"; see `auffusion.text.TextEncoder`.
        text_max_length: rows an encoder gives.
        image_scale: picture scale, as `MelImageCodec.to_config` writes it.
        mel: entries of `MelConfig`; the front-end the model was trained with.
        canvas_frames: mel frames of a training window.
        default_steps: steps of a call that names none.
        default_guidance: guidance scale of a call that names none.

    Raises:
        InputError: parts that do not belong together.
    """

    model_cpu_offload_seq = (
        "text_encoder->condition_adapter->text_encoder_2->condition_adapter_2->unet->vae->vocoder"
    )
    _optional_components = [  # noqa: RUF012 - diffusers' name and form
        "condition_adapter",
        "text_encoder_2",
        "tokenizer_2",
        "condition_adapter_2",
    ]

    def __init__(
        self,
        vae: Any,  # noqa: ANN401
        text_encoder: Any,  # noqa: ANN401
        tokenizer: Any,  # noqa: ANN401
        unet: Any,  # noqa: ANN401
        scheduler: Any,  # noqa: ANN401
        vocoder: Any,  # noqa: ANN401
        condition_adapter: Any = None,  # noqa: ANN401
        text_encoder_2: Any = None,  # noqa: ANN401
        tokenizer_2: Any = None,  # noqa: ANN401
        condition_adapter_2: Any = None,  # noqa: ANN401
        *,
        text_convention: str = "adapter",
        text_max_length: int = 77,
        image_scale: Mapping[str, Any] | None = None,
        mel: Mapping[str, Any] | None = None,
        canvas_frames: int = 1024,
        default_steps: int = 100,
        default_guidance: float = 7.5,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=scheduler,
            vocoder=vocoder,
            condition_adapter=condition_adapter,
            text_encoder_2=text_encoder_2,
            tokenizer_2=tokenizer_2,
            condition_adapter_2=condition_adapter_2,
        )
        self.register_to_config(
            text_convention=text_convention,
            text_max_length=text_max_length,
            image_scale=dict(image_scale or MelImageCodec().to_config()),
            mel=dict(mel or asdict(MelConfig())),
            canvas_frames=canvas_frames,
            default_steps=default_steps,
            default_guidance=default_guidance,
        )
        check_agreement(self)

    @classmethod
    def from_pretrained(
        cls: type[Model],
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        vocoder: Any = None,  # noqa: ANN401
        dtype: torch.dtype | None = None,
        torch_dtype: torch.dtype | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        **components: Any,  # noqa: ANN401
    ) -> Model:
        """A model from a folder, from the hub or from this package.

        Four kinds of folder are told apart by what they hold: one of ours (`save_pretrained`),
        the published layout with adapters, the published one without, and a plain Stable
        Diffusion 1.5 folder, which needs a `vocoder`.

        Args:
            pretrained_model_name_or_path: a folder, a hub id, or "embedded".
            vocoder: a vocoder's folder or a vocoder, in place of the model's own.
            dtype: precision of all but the vocoder, which stays in float32; None is float32.
            torch_dtype: the older name of `dtype`.
            revision: branch, tag or commit on the hub.
            cache_dir: where downloads are kept.
            token: access to private models.
            local_files_only: never ask the hub; `HF_HUB_OFFLINE=1` does the same.
            components: other parts to use instead of the model's own, by their names.

        Raises:
            InputError: no such model, or a folder that is incomplete, damaged or unsafe.
        """
        options = HubOptions(
            revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only
        )
        folder = model_folder(pretrained_model_name_or_path, options)
        parts = read_parts(folder, vocoder=vocoder, dtype=dtype or torch_dtype)
        return cls(**(parts | components))

    # Stages are built at each use: users move, offload and replace components.

    @property
    def mel(self) -> MelConfig:
        """The front-end that the model was trained with."""
        return MelConfig(**self.config["mel"])

    @property
    def image_codec(self) -> MelImageCodec:
        """Log-mel to picture and back."""
        return MelImageCodec.from_config(self.config["image_scale"])

    @property
    def canvas(self) -> Canvas:
        """The sizes of sounds, spectrograms and latents."""
        return Canvas(
            mel=self.mel,
            pixels=LatentCodec(self.vae).scale_factor,
            step=2 ** (len(self.unet.config.block_out_channels) - 1),
            frames=self.config["canvas_frames"],
        )

    @property
    def latent_codec(self) -> LatentCodec:
        """Picture to latent and back."""
        canvas, device = self.canvas, self._execution_device
        return LatentCodec(self.vae, window=canvas.window, overlap=canvas.overlap, device=device)

    @property
    def text(self) -> TextEncoder:
        """Prompt to embedding."""
        networks = [
            (self.tokenizer, self.text_encoder, self.condition_adapter),
            (self.tokenizer_2, self.text_encoder_2, self.condition_adapter_2),
        ]
        length, device = self.config["text_max_length"], self._execution_device
        branches = [
            TextBranch(tokenizer, encoder, adapter, length, device)
            for tokenizer, encoder, adapter in networks
            if encoder is not None
        ]
        return TextEncoder(branches, self.config["text_convention"])

    @property
    def renderer(self) -> Renderer:
        """Latent to waveform."""
        return Renderer(
            latent_codec=self.latent_codec,
            image_codec=self.image_codec,
            vocoder=self.vocoder,
            canvas=self.canvas,
        )

    def enable_vae_slicing(self) -> None:
        """Let the VAE itself take a batch item by item; the sound stays the same."""
        self.vae.enable_slicing()

    def disable_vae_slicing(self) -> None:
        """Undo `enable_vae_slicing`."""
        self.vae.disable_slicing()
