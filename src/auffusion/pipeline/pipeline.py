"""The chain behind one call: a prompt goes in, sound comes out."""

from collections.abc import Sequence
from typing import Any

import torch

from auffusion.pipeline.assembly import AssembledModel
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.conditioning import Wording
from auffusion.pipeline.extending import extend
from auffusion.pipeline.hooks import StepCallback, callback_hook
from auffusion.pipeline.inpainting import inpaint
from auffusion.pipeline.inverting import invert
from auffusion.pipeline.looping import loop
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import choose_randomness
from auffusion.pipeline.refining import refine
from auffusion.pipeline.rendering import OutputType, check_output_type
from auffusion.pipeline.restyling import restyle
from auffusion.pipeline.reweighting import reweight
from auffusion.pipeline.swapping import swap
from auffusion.pipeline.upsampling import upsample
from auffusion.pipeline.watching import attention
from auffusion.shapes import Latent, TextEmbedding


class AuffusionPipeline(AssembledModel):
    """Text to sound.

    ``AuffusionPipeline.from_pretrained("embedded")("a dog barking").audios[0]``

    A call prepares a latent, a predictor and step hooks, runs the one `denoise` loop, and
    renders. So does each edit, which stands in a file of its own.
    """

    restyle = restyle
    inpaint = inpaint
    extend = extend
    loop = loop
    upsample = upsample

    invert = invert
    swap = swap
    refine = refine
    reweight = reweight
    attention = attention

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
            prompt: what to hear: a text, or several for a batch. A text may weight its words, as
                in ``a man (chopping:2.0) wood`` (`auffusion.text.weighted_prompt`).
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
        chain = Chain(self)
        sampling = chain.sampling(
            num_inference_steps,
            guidance_scale,
            rescale=guidance_rescale,
            eta=eta,
            waveforms=num_waveforms_per_prompt,
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
        walk = chain.walk(sampling, randomness)
        start = chain.noise(randomness, samples, latents)
        conditioning = chain.condition(wording, guided=sampling.guided).repeated(
            num_waveforms_per_prompt
        )
        guidance = chain.guidance(conditioning, sampling, cross_attention_kwargs)
        callback = None
        if callback_on_step_end is not None:
            names = callback_on_step_end_tensor_inputs
            callback = callback_hook(callback_on_step_end, self, guidance, names)
        latent = chain.denoise(guidance, walk, start * walk.init_noise_sigma, callback)
        output = chain.render(
            latent,
            samples,
            output_type,
            seeds=randomness.seeds if latents is None else None,
            truncated=conditioning.truncated,
        )
        return output if return_dict else output.to_tuple()

    def _samples(self, length_s: float | None, latents: Latent | None) -> int:
        """Samples of each sound: as asked for, or as many as the given latents hold."""
        if length_s is None and latents is not None:
            return latents.shape[-1] * self.canvas.pixels * self.mel.hop_length
        return self.canvas.samples(length_s)
