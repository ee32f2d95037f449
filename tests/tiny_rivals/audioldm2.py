"""A folder as https://huggingface.co/cvssp/audioldm2: its language model is named GPT2Model."""

import torch
from diffusers import AudioLDM2Pipeline, DDIMScheduler
from diffusers.pipelines.audioldm2 import AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, GPT2Config, GPT2Model

from auffusion.baselines.parts import quiet
from tiny_rivals.speech import BANDS, WIDTH, mel_vae, mel_vocoder, t5_encoder, tokenizer

PROJECTED = 16
LANGUAGE = 24


def write_audioldm2(folder):
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(2)
        words, pieces = tokenizer("clap"), tokenizer("t5")
        pipeline = AudioLDM2Pipeline(
            vae=mel_vae(),
            text_encoder=_clap(len(words)),
            text_encoder_2=t5_encoder(len(pieces)),
            projection_model=AudioLDM2ProjectionModel(PROJECTED, WIDTH, LANGUAGE).eval(),
            language_model=_language_model(),
            tokenizer=words,
            tokenizer_2=pieces,
            feature_extractor=ClapFeatureExtractor(feature_size=BANDS),
            unet=_unet(),
            scheduler=_scheduler(),
            vocoder=mel_vocoder(),
        )
        pipeline.save_pretrained(folder)
    return pipeline


def _clap(vocabulary):
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": vocabulary, "intermediate_size": 32, "max_position_embeddings": 514}
    audio = {
        "spec_size": 64,
        "window_size": 4,
        "num_mel_bins": 16,
        "depths": [1, 1],
        "num_attention_heads": [1, 1],
        "patch_embeds_hidden_size": 8,
        "hidden_size": 16,
    }
    return ClapModel(
        ClapConfig(
            text_config=text | sizes | {"projection_dim": PROJECTED},
            audio_config=audio | {"projection_dim": PROJECTED},
            projection_dim=PROJECTED,
        )
    ).eval()


def _language_model():
    config = GPT2Config(n_positions=64, n_embd=LANGUAGE, n_layer=1, n_head=2, vocab_size=10)
    config.max_new_tokens = 3
    return GPT2Model(config).eval()


def _unet():
    return AudioLDM2UNet2DConditionModel(
        sample_size=BANDS // 4,
        in_channels=8,
        out_channels=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=2,
        # The language model's rows, then FLAN-T5's.
        cross_attention_dim=([None, LANGUAGE, WIDTH], [None, LANGUAGE, WIDTH]),
    ).eval()


def _scheduler():
    return DDIMScheduler(
        beta_start=0.0015,
        beta_end=0.0195,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
