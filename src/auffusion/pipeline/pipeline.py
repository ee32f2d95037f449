"""The chain behind one call: a prompt goes in, sound comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from auffusion.denoise import (
    ClassifierFreeGuidance,
    Predictor,
    SeededScheduler,
    StepHook,
    Windowed,
    denoise,
    noise_from,
    unet_call,
)
from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.latent import LatentCodec
from auffusion.mel import MelConfig
from auffusion.pipeline.agreement import check_agreement, check_numbers
from auffusion.pipeline.canvas import Canvas
from auffusion.pipeline.conditioning import Conditioning, Wording, encode_wording
from auffusion.pipeline.hooks import StepCallback, callback_hook, hooked, progress_hook
from auffusion.pipeline.hub import HubOptions, model_folder
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.parts import read_parts
from auffusion.pipeline.randomness import Randomness, choose_randomness
from auffusion.pipeline.rendering import OutputType, Renderer, check_output_type
from auffusion.shapes import Latent, TextEmbedding
from auffusion.text import TextBranch, TextEncoder


class AuffusionPipeline(DiffusionPipeline, StableDiffusionLoraLoaderMixin):
    """Text to sound.

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
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        vocoder: Any = None,  # noqa: ANN401
        dtype: torch.dtype | None = None,
        torch_dtype: torch.dtype | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        **components: Any,  # noqa: ANN401
    ) -> "AuffusionPipeline":
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
        pipeline = cls(**(parts | components))
        pipeline.register_to_config(_name_or_path=str(pretrained_model_name_or_path))
        return pipeline

    # Stages are built at each use: users move, offload and replace components.

    @property
    def mel(self) -> MelConfig:
        """The front-end that the model was trained with."""
        return MelConfig(**self.config.mel)

    @property
    def image_codec(self) -> MelImageCodec:
        """Log-mel to picture and back."""
        return MelImageCodec.from_config(self.config.image_scale)

    @property
    def canvas(self) -> Canvas:
        """The sizes of sounds, spectrograms and latents."""
        return Canvas(
            mel=self.mel,
            pixels=LatentCodec(self.vae).scale_factor,
            step=2 ** (len(self.unet.config.block_out_channels) - 1),
            frames=self.config.canvas_frames,
        )

    @property
    def latent_codec(self) -> LatentCodec:
        """Picture to latent and back."""
        canvas = self.canvas
        return LatentCodec(self.vae, window=canvas.window, overlap=canvas.overlap)

    @property
    def text(self) -> TextEncoder:
        """Prompt to embedding."""
        length = self.config.text_max_length
        branches = [
            TextBranch(self.tokenizer, self.text_encoder, self.condition_adapter, length)
        ]
        if self.text_encoder_2 is not None:
            branches.append(
                TextBranch(self.tokenizer_2, self.text_encoder_2, self.condition_adapter_2, length)
            )
        return TextEncoder(branches, self.config.text_convention)

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

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        negative_prompt: str | Sequence[str] | None = None,
        audio_length_in_s: float | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        num_waveforms_per_prompt: int = 1,
        eta: float = 0.0,
        seeds: Sequence[int] | None = None,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Latent | None = None,
        prompt_embeds: TextEmbedding | None = None,
        negative_prompt_embeds: TextEmbedding | None = None,
        output_type: OutputType = "np",
        return_dict: bool = True,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        cross_attention_kwargs: dict[str, Any] | None = None,
    ) -> AuffusionOutput | tuple[Any, ...]:
        """Sound for each prompt.

        Args:
            prompt: what to hear: a text, or several for a batch.
            negative_prompt: what not to hear: one for all or one a prompt. None is no text, in
                the way the model was trained; "" is the embedding of the empty text.
            audio_length_in_s: seconds, 0.5 to 600; None is the training window. What is longer
                than that is made by overlapping windows. A length costs what it costs: the
                latent is no wider than it must be, and the sound is cut to the sample.
            num_inference_steps: steps; None is the model's default.
            guidance_scale: diffusers' s (the paper's w + 1); no guidance at 1 or below. None is
                the model's default.
            guidance_rescale: φ of arXiv 2305.08891, 0 to 1.
            num_waveforms_per_prompt: sounds for each prompt, one after the other.
            eta: η of DDIM, 0 to 1; ignored by other schedulers.
            seeds: one a sound; None is 0, 1, 2, … A sound depends on its own seed and prompt,
                not on its neighbours in the batch.
            generator: in place of seeds, as in diffusers: one, or one a sound.
            latents: noise of deviation one to start from, in place of what the seeds give.
            prompt_embeds: in place of `prompt`: embeddings as the U-Net takes them.
            negative_prompt_embeds: in place of `negative_prompt`, of the same shape.
            output_type: "np", "pt", "mel", "image" or "latent"; see `AuffusionOutput`.
            return_dict: False gives a tuple of the filled fields, the sounds first.
            callback_on_step_end: ``callback(pipeline, step, timestep, tensors)``; the tensors it
                returns replace those it was shown.
            callback_on_step_end_tensor_inputs: which it gets: "latents", "prompt_embeds" (those
                the U-Net sees, the unconditional half first).
            cross_attention_kwargs: handed to the U-Net, such as ``{"scale": 0.5}`` for a LoRA.

        Raises:
            InputError: an argument out of range, or arguments that contradict each other.
        """
        check_output_type(output_type)
        scale = self.config.default_guidance if guidance_scale is None else guidance_scale
        steps = self.config.default_steps if num_inference_steps is None else num_inference_steps
        check_numbers(
            steps=steps,
            guidance_scale=scale,
            guidance_rescale=guidance_rescale,
            num_waveforms_per_prompt=num_waveforms_per_prompt,
            eta=eta,
        )
        wording = Wording(
            prompt=prompt,
            negative_prompt=negative_prompt,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative_prompt_embeds,
        )
        randomness = choose_randomness(
            wording.count * num_waveforms_per_prompt, seeds=seeds, generator=generator
        )
        samples = self._samples(audio_length_in_s, latents)
        walk = self._steps(steps, randomness, eta)
        start = self._start(randomness, samples, latents)
        conditioning = self._condition(wording, guided=scale > 1)
        guidance = self._guided(
            conditioning.repeated(num_waveforms_per_prompt),
            scale,
            guidance_rescale,
            cross_attention_kwargs,
        )
        callback = None
        if callback_on_step_end is not None:
            names = callback_on_step_end_tensor_inputs
            callback = callback_hook(callback_on_step_end, self, guidance, names)
        latent = self._denoise(guidance, walk, start * walk.init_noise_sigma, callback)
        fields = self.renderer.render(latent, samples, output_type)
        self.maybe_free_model_hooks()
        output = AuffusionOutput(
            **fields,
            sampling_rate=self.mel.sample_rate,
            seeds=randomness.seeds if latents is None else None,
            truncated=conditioning.truncated,
        )
        return output if return_dict else output.to_tuple()

    def _samples(self, length_s: float | None, latents: Latent | None) -> int:
        """Samples of each sound: as asked for, or as many as the given latents hold."""
        if length_s is None and latents is not None:
            return latents.shape[-1] * self.canvas.pixels * self.mel.hop_length
        return self.canvas.samples(length_s)

    def _condition(self, wording: Wording, *, guided: bool) -> Conditioning:
        """Embeddings, where and in the precision the U-Net wants them."""
        conditioning = encode_wording(wording, self.text, guided=guided)
        return conditioning.to(self._execution_device, self.unet.dtype)

    def _guided(
        self,
        conditioning: Conditioning,
        scale: float,
        rescale: float = 0.0,
        cross_attention_kwargs: dict[str, Any] | None = None,
    ) -> ClassifierFreeGuidance:
        """The U-Net under guidance, for latents no wider than the training window."""
        return ClassifierFreeGuidance(
            unet_call(self.unet, cross_attention_kwargs=cross_attention_kwargs),
            conditioning.conditional,
            conditioning.unconditional,
            scale,
            rescale,
        )

    def _steps(self, steps: int, randomness: Randomness, eta: float = 0.0) -> SeededScheduler:
        """The scheduler, set to so many steps."""
        return SeededScheduler.prepared(
            self.scheduler, steps, randomness.generators, device=self._execution_device, eta=eta
        )

    def _start(self, randomness: Randomness, samples: int, latents: Latent | None) -> Latent:
        """Noise of deviation one to start from."""
        canvas = self.canvas
        shape = (self.unet.config.in_channels, canvas.rows, canvas.columns(samples))
        if latents is None:
            latents = noise_from(randomness.generators, shape)
        elif latents.shape != (len(randomness.generators), *shape):
            raise InputError(
                f"latents of shape {list(latents.shape)} do not fit: expected "
                f"{[len(randomness.generators), *shape]} for this number and length of sounds"
            )
        return latents.to(self._execution_device, self.unet.dtype)

    def _denoise(
        self,
        predict: Predictor,
        walk: SeededScheduler,
        start: Latent,
        on_step: StepHook | None = None,
    ) -> Latent:
        """The walk through all timesteps, with a progress bar, in windows where it must be."""
        canvas = self.canvas
        windowed = Windowed(predict, canvas.window, canvas.overlap)
        with self.progress_bar(total=len(walk.timesteps)) as bar:
            return denoise(
                windowed, walk, start, on_step=hooked(progress_hook(bar.update), on_step)
            )
