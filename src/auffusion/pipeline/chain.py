"""The stages of one call in their order: what generating and every edit have in common."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from auffusion.attention import AttentionController, controlled
from auffusion.denoise import (
    ClassifierFreeGuidance,
    Predictor,
    Scheduler,
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
from auffusion.pipeline.canvas import Canvas
from auffusion.pipeline.conditioning import Conditioning, Wording, encode_wording
from auffusion.pipeline.hooks import hooked, progress_hook
from auffusion.pipeline.output import AuffusionOutput
from auffusion.pipeline.randomness import Randomness
from auffusion.pipeline.rendering import OutputType
from auffusion.pipeline.weighting import weighted_call
from auffusion.shapes import Latent


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The numbers of a walk from noise to a clean latent."""

    steps: int
    """Denoising steps."""
    scale: float
    """Guidance scale s, the paper's w + 1; no guidance at 1 or below."""
    rescale: float = 0.0
    """φ of arXiv 2305.08891, 0 to 1."""
    eta: float = 0.0
    """η of DDIM, 0 to 1; ignored by other schedulers."""

    @property
    def guided(self) -> bool:
        """Whether the network sees the unconditional half too."""
        return self.scale > 1


class Chain:
    """A model's stages, made for one call and thrown away after it.

    Args:
        model: what it is made of. Its parts are looked up at each use: users move, offload and
            replace them.
    """

    def __init__(self, model: AssembledModel) -> None:
        # diffusers annotates neither its configuration nor its progress bar.
        self.model: Any = model

    def sampling(
        self,
        steps: int | None = None,
        scale: float | None = None,
        *,
        rescale: float = 0.0,
        eta: float = 0.0,
        waveforms: int = 1,
    ) -> Sampling:
        """The numbers of a call, the model's own where it names none.

        Raises:
            InputError: one of them is out of range.
        """
        defaults = self.model.config
        chosen = int(defaults["default_steps"]) if steps is None else steps
        strength = float(defaults["default_guidance"]) if scale is None else scale
        check_numbers(
            steps=chosen,
            guidance_scale=strength,
            guidance_rescale=rescale,
            num_waveforms_per_prompt=waveforms,
            eta=eta,
        )
        return Sampling(steps=chosen, scale=strength, rescale=rescale, eta=eta)

    def condition(self, wording: Wording, *, guided: bool) -> Conditioning:
        """Embeddings, where and in the precision the U-Net wants them."""
        conditioning = encode_wording(wording, self.model.text, guided=guided)
        return conditioning.to(self.device, self.model.unet.dtype)

    def guidance(
        self,
        conditioning: Conditioning,
        sampling: Sampling,
        cross_attention_kwargs: dict[str, Any] | None = None,
    ) -> ClassifierFreeGuidance:
        """The U-Net under guidance, for latents no wider than the training window."""
        call = unet_call(self.model.unet, cross_attention_kwargs=cross_attention_kwargs)
        if conditioning.factors is not None:
            call = weighted_call(self.model.unet, call, conditioning.factors)
        return ClassifierFreeGuidance(
            call,
            conditioning.conditional,
            conditioning.unconditional,
            sampling.scale,
            sampling.rescale,
        )

    def walk(self, sampling: Sampling, randomness: Randomness) -> SeededScheduler:
        """The model's scheduler, set to so many steps."""
        return SeededScheduler.prepared(
            self.model.scheduler,
            sampling.steps,
            randomness.generators,
            device=self.device,
            eta=sampling.eta,
        )

    def noise(self, randomness: Randomness, samples: int, given: Latent | None = None) -> Latent:
        """Noise of deviation one for sounds of so many samples, or the noise that was given.

        Raises:
            InputError: given noise of another shape.
        """
        canvas = self.canvas
        shape = (self.model.unet.config.in_channels, canvas.rows, canvas.columns(samples))
        latents = noise_from(randomness.generators, shape) if given is None else given
        if latents.shape != (len(randomness.generators), *shape):
            raise InputError(
                f"latents of shape {list(latents.shape)} do not fit: expected "
                f"{[len(randomness.generators), *shape]} for this number and length of sounds"
            )
        return self.placed(latents)

    def placed(self, latent: Latent) -> Latent:
        """A latent where and in the precision the U-Net wants it."""
        return latent.to(self.device, self.model.unet.dtype)

    @contextmanager
    def attended(
        self, controller: AttentionController, *, steps: int, items: int
    ) -> Generator[StepHook]:
        """Within it a controller sees the network's attention; what it gives is its step hook.

        Args:
            controller: begun anew.
            steps: of the walk.
            items: sounds of the batch, without the unconditional half.
        """
        controller.begin(steps)
        with controlled(self.model.unet, controller, items):
            yield controller.on_step

    def denoise(
        self,
        predict: Predictor,
        walk: Scheduler,
        start: Latent,
        on_step: StepHook | None = None,
    ) -> Latent:
        """The walk through all timesteps, with a progress bar, in windows where it must be."""
        return self.walked(self.windowed(predict), walk, start, on_step)

    def windowed(self, predict: Predictor) -> Windowed:
        """A predictor for any width from one for windows."""
        canvas = self.canvas
        return Windowed(predict, canvas.window, canvas.overlap)

    def walked(
        self,
        predict: Predictor,
        walk: Scheduler,
        start: Latent,
        on_step: StepHook | None = None,
    ) -> Latent:
        """As `denoise`, with a predictor that takes the whole width already."""
        with self.model.progress_bar(total=len(walk.timesteps)) as bar:
            return denoise(predict, walk, start, on_step=hooked(progress_hook(bar.update), on_step))

    def render(
        self,
        latent: Latent,
        samples: int,
        output_type: OutputType,
        *,
        seeds: Sequence[int] | None = None,
        truncated: Sequence[str] = (),
    ) -> AuffusionOutput:
        """What the caller asked to hear or see; the end of a call."""
        fields = self.model.renderer.render(latent, samples, output_type)
        self.model.maybe_free_model_hooks()
        return AuffusionOutput(
            **fields, sampling_rate=self.model.mel.sample_rate, seeds=seeds, truncated=truncated
        )

    @property
    def device(self) -> torch.device:
        """Where the networks compute, offloaded ones too."""
        return self.model._execution_device

    @property
    def canvas(self) -> Canvas:
        """The sizes of sounds, spectrograms and latents."""
        return self.model.canvas
