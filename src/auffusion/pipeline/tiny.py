"""A whole model at toy size, of the real classes, for tests and for trying things out.

Its weights are random and its sounds are noise; its shapes are those of a model: a picture that
is not square, a VAE with four levels, attention over text, a vocoder of 160 samples a frame.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_pndm import PNDMScheduler

from auffusion.mel import MelConfig
from auffusion.pipeline.components import ConditionAdapterModel, HifiGanVocoder
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.pipeline.tiny_text import WIDTH, EncoderKind, tiny_encoder

Layout = Literal["adapter", "stable-diffusion"]

BANDS = 64
"""Height of the picture."""
FRAMES = 256
"""Width of the picture: 2.56 s."""


def tiny_pipeline(
    seed: int = 0, *, layout: Layout = "adapter", encoders: Sequence[EncoderKind] = ("clip",)
) -> AuffusionPipeline:
    """A model of random weights that depend on `seed` alone.

    Args:
        seed: of the weights.
        layout: whose text convention it follows; only "adapter" has adapters.
        encoders: one or two kinds of text encoder.
    """
    # The state that others draw from is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = _parts(encoders, adapted=layout == "adapter")
    return AuffusionPipeline(
        **parts,
        text_convention=layout,
        mel=asdict(MelConfig(bands=BANDS)),
        canvas_frames=FRAMES,
    )


def _parts(encoders: Sequence[EncoderKind], *, adapted: bool) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "vae": _vae().eval(),
        "unet": _unet().eval(),
        "vocoder": _vocoder().eval(),
        "scheduler": _scheduler(),
    }
    for ending, kind in zip(("", "_2"), encoders, strict=False):
        tokenizer, encoder = tiny_encoder(kind)
        parts |= {f"tokenizer{ending}": tokenizer, f"text_encoder{ending}": encoder}
        if adapted:
            parts[f"condition_adapter{ending}"] = ConditionAdapterModel(WIDTH, WIDTH).eval()
    return parts


def _vae() -> Any:  # noqa: ANN401
    # Its own annotations speak of tuples of one.
    autoencoder: Any = AutoencoderKL
    return autoencoder(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
        sample_size=FRAMES,
    )


def _unet() -> Any:  # noqa: ANN401
    return UNet2DConditionModel(
        sample_size=(BANDS // 8, FRAMES // 8),
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 32),
        norm_num_groups=8,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
    )


def _vocoder() -> HifiGanVocoder:
    # Kernel minus rate is odd in the first stage and even in the others: both kinds.
    return HifiGanVocoder(
        num_mels=BANDS,
        upsample_initial_channel=32,
        upsample_rates=(5, 4, 4, 2),
        upsample_kernel_sizes=(10, 8, 8, 4),
        resblock_kernel_sizes=(3, 5),
        resblock_dilation_sizes=((1, 3, 5), (1, 3, 5)),
    )


def _scheduler() -> Any:  # noqa: ANN401
    return PNDMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    )
