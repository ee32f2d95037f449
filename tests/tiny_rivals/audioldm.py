"""A folder as https://huggingface.co/cvssp/audioldm-s-full-v2, and -l-full, which is pickled."""

import torch
from diffusers import AudioLDMPipeline, DDIMScheduler, UNet2DConditionModel

from auffusion.baselines.parts import quiet
from auffusion.pipeline.tiny_text import tiny_encoder
from tiny_rivals.speech import BANDS, mel_vae, mel_vocoder, pickle_parts


def write_audioldm(folder, *, pickled=False):
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(1)
        tokenizer, text_encoder = tiny_encoder("clap")
        pipeline = AudioLDMPipeline(
            vae=mel_vae(),
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=_unet(text_encoder.config.projection_dim),
            scheduler=_scheduler(),
            vocoder=mel_vocoder(),
        )
        pipeline.save_pretrained(folder, safe_serialization=not pickled)
    if pickled:
        pickle_parts(folder, "text_encoder", "vocoder")
    return pipeline


def _unet(text_features):
    return UNet2DConditionModel(
        sample_size=BANDS // 4,
        in_channels=8,
        out_channels=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=2,
        # Not attended to: the text is appended to the embedding of time.
        cross_attention_dim=(8, 16),
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=text_features,
        class_embeddings_concat=True,
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
