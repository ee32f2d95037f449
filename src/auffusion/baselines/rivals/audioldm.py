"""AudioLDM (arXiv 2301.12503): the paper's AudioLDM-S-full-v2 and AudioLDM-L-full.

https://huggingface.co/cvssp/audioldm-s-full-v2 and https://huggingface.co/cvssp/audioldm-l-full are
diffusers folders (the latter with pickled weights only), and diffusers' `AudioLDMPipeline` runs
them; it is deprecated there but kept. The paper ran 200 steps; the pipeline's own defaults are 10
steps and 5.12 s.
"""

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.deprecated.audioldm.pipeline_audioldm import AudioLDMPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import RobertaTokenizer, SpeechT5HifiGan
from transformers.models.clap.modeling_clap import ClapTextModelWithProjection

from auffusion.baselines.contract import Source
from auffusion.baselines.parts import Part, load_part, load_small, quiet
from auffusion.baselines.sampling import Sampling
from auffusion.shapes import Waveform


class AudioLdm:
    """AudioLDM of either size.

    Args:
        source: the published files.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    def __init__(self, source: Source) -> None:
        folder = source.folder
        with quiet():
            pipeline: Part = AudioLDMPipeline
            self._pipeline = pipeline(
                vae=load_part(AutoencoderKL, folder / "vae", source),
                text_encoder=load_part(
                    ClapTextModelWithProjection, folder / "text_encoder", source
                ),
                tokenizer=load_small(RobertaTokenizer, folder / "tokenizer"),
                unet=load_part(UNet2DConditionModel, folder / "unet", source),
                scheduler=load_small(DDIMScheduler, folder / "scheduler"),
                vocoder=load_part(SpeechT5HifiGan, folder / "vocoder", source),
            )
        self._pipeline.set_progress_bar_config(disable=True)
        self.sample_rate = int(self._pipeline.vocoder.config.sampling_rate)

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """One channel at 16 kHz."""
        with quiet():
            return self._pipeline(
                prompt,
                audio_length_in_s=sampling.length_s,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                generator=generator,
                output_type="pt",
            ).audios


def load(source: Source) -> AudioLdm:
    """AudioLDM from its published files."""
    return AudioLdm(source)
