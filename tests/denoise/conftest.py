"""A real U-Net at toy size, on non-square latents."""

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.denoise import unet_call


@pytest.fixture(scope="session")
def unet():
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=(8, 16),
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=8,
        attention_head_dim=4,
        norm_num_groups=4,
    ).eval()


@pytest.fixture
def call(unet):
    return unet_call(unet)


@pytest.fixture
def embeddings():
    return torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
