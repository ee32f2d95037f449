"""The chain behind one call: a prompt goes in, sound comes out."""

from collections.abc import Sequence
from typing import Any

import torch

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
from auffusion.pipeline.agreement import check_numbers
from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.conditioning import Conditioning, Wording, encode_wording
from auffusion.pipeline.hooks import StepCallback, callback_hook, hooked, progress_hook
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import Randomness, choose_randomness
from auffusion.pipeline.rendering import OutputType, check_output_type
from auffusion.shapes import Latent, TextEmbedding


class AuffusionPipeline(AssembledModel):
    """Text to sound.

    ``AuffusionPipeline.from_pretrained("embedded")("a dog barking").audios[0]``

    A call prepares a latent, a predictor and step hooks, runs the one `denoise` loop, and
    renders.
    """

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
        scale = self.config["default_guidance"] if guidance_scale is None else guidance_scale
        steps = self.config["default_steps"] if num_inference_steps is None else num_inference_steps
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
        conditioning = self._condition(wording, guided=scale > 1).repeated(num_waveforms_per_prompt)
        guidance = self._guided(conditioning, scale, guidance_rescale, cross_attention_kwargs)
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
        progress_bar: Any = self.progress_bar
        with progress_bar(total=len(walk.timesteps)) as bar:
            return denoise(
                windowed, walk, start, on_step=hooked(progress_hook(bar.update), on_step)
            )
