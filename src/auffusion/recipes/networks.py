"""The embedded model's settings, and its networks before any training."""

import tomllib
from pathlib import Path
from typing import Any

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from auffusion.text import ConditionAdapter
from auffusion.train.denoising import ConditionedUnet

SETTINGS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("embedded.toml").read_text(encoding="utf-8")
)
"""All of `embedded.toml`."""


def new_network() -> ConditionedUnet:
    """An untrained U-Net with its adapter."""
    table = SETTINGS["diffusion"]["network"]
    width = table["cross_attention_dim"]
    levels = len(table["block_out_channels"])
    unet: Any = UNet2DConditionModel(
        sample_size=(16, 64),
        in_channels=SETTINGS["vae"]["network"]["latent_channels"],
        out_channels=SETTINGS["vae"]["network"]["latent_channels"],
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        block_out_channels=tuple(table["block_out_channels"]),
        layers_per_block=1,
        cross_attention_dim=width,
        # diffusers reads this as the number of heads.
        attention_head_dim=4,
        # The whole prompt besides its tokens, added to the time embedding: what class of sound is
        # asked for is learnt from far fewer examples so.
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
    )
    return ConditionedUnet(unet, [ConditionAdapter(384, width)])


def new_scheduler() -> Any:  # noqa: ANN401
    """Stable Diffusion's noise schedule, predicting v."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
