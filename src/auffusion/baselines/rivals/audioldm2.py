"""AudioLDM2 (arXiv 2308.05734): the paper's AudioLDM2 and AudioLDM2-large.

https://huggingface.co/cvssp/audioldm2 and https://huggingface.co/cvssp/audioldm2-large are folders
of diffusers that name `GPT2Model` as their language model. In transformers 5 that class cannot
generate any more (https://github.com/huggingface/diffusers/issues/12630); `GPT2LMHeadModel` reads
the same weights and gives the same hidden states.

One sound a prompt, as the paper made them: the authors made three and kept the one that CLAP liked
best (https://github.com/haoheliu/AudioLDM2/issues/76).
"""

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.audioldm2.modeling_audioldm2 import (
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
)
from diffusers.pipelines.audioldm2.pipeline_audioldm2 import AudioLDM2Pipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import (
    ClapFeatureExtractor,
    ClapModel,
    GPT2LMHeadModel,
    RobertaTokenizer,
    SpeechT5HifiGan,
    T5EncoderModel,
    T5Tokenizer,
)

from auffusion.baselines.contract import Source
from auffusion.baselines.parts import Part, load_part, load_small, quiet
from auffusion.baselines.sampling import Sampling
from auffusion.shapes import Waveform


class AudioLdm2:
    """AudioLDM2 of either size.

    Args:
        source: the published files.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    def __init__(self, source: Source) -> None:
        folder = source.folder
        networks = {
            "vae": AutoencoderKL,
            "text_encoder": ClapModel,
            "text_encoder_2": T5EncoderModel,
            "projection_model": AudioLDM2ProjectionModel,
            "language_model": GPT2LMHeadModel,
            "unet": AudioLDM2UNet2DConditionModel,
            "vocoder": SpeechT5HifiGan,
        }
        small = {
            "tokenizer": RobertaTokenizer,
            "tokenizer_2": T5Tokenizer,
            "feature_extractor": ClapFeatureExtractor,
            "scheduler": DDIMScheduler,
        }
        pipeline: Part = AudioLDM2Pipeline
        self._pipeline = pipeline(
            **{name: load_part(kind, folder / name, source) for name, kind in networks.items()},
            **{name: load_small(kind, folder / name) for name, kind in small.items()},
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


def load(source: Source) -> AudioLdm2:
    """AudioLDM2 from its published files."""
    return AudioLdm2(source)
