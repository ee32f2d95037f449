"""What several rivals are made of: text encoders, AudioLDM's VAE and its vocoder."""

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig, T5Config, T5EncoderModel

from auffusion.pipeline.tiny_text import tiny_encoder

WIDTH = 16
BANDS = 16


def tokenizer(kind):
    return tiny_encoder(kind)[0]


def t5_encoder(vocabulary, *, flan=True):
    """T5 at tiny size, FLAN-T5 with its gates."""
    config = T5Config(
        vocab_size=vocabulary,
        d_model=WIDTH,
        d_kv=8,
        d_ff=2 * WIDTH,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu" if flan else "relu",
    )
    return T5EncoderModel(config).eval()


def write_flan_t5(folder):
    """What a companion's folder holds of FLAN-T5: settings and tokenizer, no weights."""
    words = tokenizer("t5")
    encoder = t5_encoder(len(words))
    folder.mkdir()
    encoder.config.save_pretrained(folder)
    words.save_pretrained(folder)
    return encoder


def mel_vae(channels=(8, 8, 8), groups=4, layers=1):
    """AudioLDM's: one channel of mel, eight of latents."""
    return AutoencoderKL(
        in_channels=1,
        out_channels=1,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        block_out_channels=channels,
        layers_per_block=layers,
        norm_num_groups=groups,
        latent_channels=8,
        scaling_factor=0.9227914214134216,
    ).eval()


def mel_vocoder(bands=BANDS):
    """AudioLDM's rates, a few channels."""
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=bands,
            sampling_rate=16_000,
            upsample_initial_channel=32,
            upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4],
            resblock_kernel_sizes=[3, 7],
            resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5]],
            normalize_before=False,
        )
    ).eval()
    with torch.no_grad():
        # As it is made, all sounds are the same hush.
        for parameter in vocoder.parameters():
            parameter.normal_(std=0.7 * (len(parameter) / parameter.numel()) ** 0.5)
    return vocoder


def pickle_parts(folder, *names):
    """Turn the safetensors of these parts into the `pytorch_model.bin` of older days."""
    for name in names:
        path = folder / name / "model.safetensors"
        torch.save(load_file(path), path.with_name("pytorch_model.bin"))
        path.unlink()
