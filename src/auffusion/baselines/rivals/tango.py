"""Tango (arXiv 2304.13731): the paper's Tango and Tango-Full.

https://huggingface.co/declare-lab/tango and https://huggingface.co/declare-lab/tango-full hold
`main_config.json`, `vae_config.json` and, pickled, `pytorch_model_main.bin` (U-Net and
FLAN-T5-large) and `pytorch_model_vae.bin` (AudioLDM's VAE and HiFi-GAN). Their own code,
https://github.com/declare-lab/tango, cannot be installed any more; its networks are those of
diffusers and transformers under other names, and are read as such. Facts from its tango.py,
models.py, configs/diffusion_model_config.json, audioldm/hifigan/utilities.py and
audioldm/variational_autoencoder/.

The stft files describe an analysis that generation does not need. The scheduler's settings are
those of stabilityai/stable-diffusion-2-1, which left the hub in 2025.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor
from transformers import (
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
)

from auffusion.baselines.contract import Source
from auffusion.baselines.flan_t5 import FlanT5
from auffusion.baselines.parts import Part, fill, only_under, read_config, size_of, under
from auffusion.baselines.sampling import Sampling
from auffusion.errors import InputError
from auffusion.shapes import Latent, Waveform
from auffusion.weights import read_state

_SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "steps_offset": 1,
}
# What the weights do not tell of configs/diffusion_model_config.json.
_UNET = {
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "use_linear_projection": True,
    "upcast_attention": True,
}
_HEAD = 64
"""Channels of an attention head; 5, 10, 20 and 20 heads in the published levels."""
_RATES = (5, 4, 2, 2, 2)
_DILATIONS = (1, 3, 5)
# The length that it was trained on and always makes: 1024 mel frames, or 10.24 s.
_FRAMES = 1024

State = Mapping[str, Tensor]


class Tango:
    """Tango of either training set.

    Args:
        source: the published files, and FLAN-T5-large's tokenizer and settings.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    sample_rate = 16_000

    def __init__(self, source: Source) -> None:
        main = source.folder / "pytorch_model_main.bin"
        state = read_state(main)
        only_under(state, ["unet.", "text_encoder."], main)
        self._unet = _unet(under(state, "unet."), main, source)
        flan = source.companions["flan-t5-large"]
        self._encode = FlanT5(under(state, "text_encoder."), main, flan, source)
        del state
        self._load_decoder(source)
        scheduler: Part = DDPMScheduler
        self._scheduler = scheduler(**_SCHEDULER)
        self._device = source.device

    def _load_decoder(self, source: Source) -> None:
        settings = read_config(source.folder / "vae_config.json")
        path = source.folder / "pytorch_model_vae.bin"
        state = read_state(path)
        self._vocoder = _vocoder(under(state, "vocoder."), path, source)
        rest = {n: tensor for n, tensor in state.items() if not n.startswith("vocoder.")}
        self._vae = _vae(settings, rest, path, source)

    @property
    def unet(self) -> Part:
        """The network, called once a step, whose attention to the prompt can be watched."""
        return self._unet

    @property
    def tokenizer(self) -> Part:
        """What the prompt's tokens, the last rows of its batch, are counted by."""
        return self._encode.tokenizer

    @property
    def bands(self) -> int:
        """Mel bands of its spectrograms, the lowest one in column 0 of its latents."""
        return int(self._vocoder.config.model_in_dim)

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """One channel at 16 kHz, 10.24 s whatever the length."""
        guided = sampling.guidance > 1
        embedding, mask = self._encode(["", prompt] if guided else [prompt])
        self._scheduler.set_timesteps(sampling.steps)
        latent = self._noise(generator)
        for timestep in self._scheduler.timesteps:
            predicted = self._unet(
                latent.expand(len(embedding), -1, -1, -1),
                timestep,
                encoder_hidden_states=embedding,
                encoder_attention_mask=mask,
            ).sample
            if guided:
                without, given = predicted.chunk(2)
                predicted = without + sampling.guidance * (given - without)
            latent = self._scheduler.step(
                predicted, timestep, latent, generator=generator
            ).prev_sample
        return self._listen(latent)

    def _noise(self, generator: torch.Generator) -> Latent:
        fold = 2 ** (len(self._vae.config.block_out_channels) - 1)
        bands = self._vocoder.config.model_in_dim
        shape = (1, self._unet.config.in_channels, _FRAMES // fold, bands // fold)
        noise = torch.randn(shape, generator=generator)
        return noise.to(self._device, self._unet.dtype)

    def _listen(self, latent: Latent) -> Waveform:
        log_mel = self._vae.decode(latent / self._vae.config.scaling_factor).sample
        return self._vocoder(log_mel[:, 0])


def _unet(state: State, path: Path, source: Source) -> Part:
    widths = [size_of(state, f"down_blocks.{i}.resnets.0.conv1.weight", path) for i in range(4)]
    layers = {name.split(".")[3] for name in state if name.startswith("down_blocks.0.resnets.")}
    text = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    network: Part = UNet2DConditionModel
    with torch.device("meta"):
        network = network(
            **_UNET,
            in_channels=size_of(state, "conv_in.weight", path, 1),
            out_channels=size_of(state, "conv_out.weight", path),
            block_out_channels=widths,
            attention_head_dim=[max(1, width // _HEAD) for width in widths],
            layers_per_block=len(layers),
            cross_attention_dim=size_of(state, text, path, 1),
        )
    return fill(network, state, path, source)


def _vae(settings: Mapping[str, Any], state: State, path: Path, source: Source) -> Part:
    try:
        shape = settings["ddconfig"]
        channels = [shape["ch"] * factor for factor in shape["ch_mult"]]
        network: Part = AutoencoderKL
        with torch.device("meta"):
            network = network(
                in_channels=shape["in_channels"],
                out_channels=shape["out_ch"],
                down_block_types=("DownEncoderBlock2D",) * len(channels),
                up_block_types=("UpDecoderBlock2D",) * len(channels),
                block_out_channels=channels,
                layers_per_block=shape["num_res_blocks"],
                latent_channels=shape["z_channels"],
                scaling_factor=settings["scale_factor"],
            )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{source.folder / 'vae_config.json'} does not describe AudioLDM's VAE: fetch it again"
        ) from error
    return fill(network, vae_names(state), path, source)


def vae_names(state: State) -> dict[str, Tensor]:
    """The weights of a latent diffusion VAE under the names of diffusers' `AutoencoderKL`.

    >>> list(vae_names({"decoder.up.0.block.1.nin_shortcut.bias": torch.zeros(1),
    ...                 "decoder.up.2.upsample.conv.bias": torch.zeros(1),
    ...                 "encoder.mid.attn_1.q.bias": torch.zeros(1)}))
    ['decoder.up_blocks.2.resnets.1.conv_shortcut.bias',
     'decoder.up_blocks.0.upsamplers.0.conv.bias',
     'encoder.mid_block.attentions.0.to_q.bias']
    """
    ups = {found[1] for name in state if (found := re.match(r"decoder\.up\.(\d+)\.", name))}
    highest = max(map(int, ups), default=0)
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        # The decoder's levels are counted from the other end.
        new = re.sub(r"\bup\.(\d+)\.", lambda found: f"up_blocks.{highest - int(found[1])}.", name)
        for old, its in _VAE_NAMES:
            new = re.sub(old, its, new)
        # Attention was a convolution of one pixel.
        attention = ".attentions." in new and tensor.ndim == 4
        renamed[new] = tensor[:, :, 0, 0] if attention else tensor
    return renamed


_VAE_NAMES = (
    (r"\bdown\.(\d+)\.", r"down_blocks.\1."),
    (r"\.block\.(\d+)\.", r".resnets.\1."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"\.downsample\.", ".downsamplers.0."),
    (r"\.upsample\.", ".upsamplers.0."),
    (r"\bmid\.block_1\.", "mid_block.resnets.0."),
    (r"\bmid\.block_2\.", "mid_block.resnets.1."),
    (r"\bmid\.attn_1\.norm\.", "mid_block.attentions.0.group_norm."),
    (r"\bmid\.attn_1\.([qkv])\.", r"mid_block.attentions.0.to_\1."),
    (r"\bmid\.attn_1\.proj_out\.", "mid_block.attentions.0.to_out.0."),
    (r"\bnorm_out\.", "conv_norm_out."),
)


def _vocoder(state: State, path: Path, source: Source) -> Part:
    blocks = {name.split(".")[1] for name in state if name.startswith("resblocks.")}
    kinds = range(len(blocks) // len(_RATES))
    settings: Part = SpeechT5HifiGanConfig
    network = SpeechT5HifiGan(
        settings(
            model_in_dim=size_of(state, "conv_pre.weight", path, 1),
            sampling_rate=Tango.sample_rate,
            upsample_initial_channel=size_of(state, "conv_pre.weight", path),
            upsample_rates=list(_RATES),
            upsample_kernel_sizes=[
                size_of(state, f"ups.{i}.weight", path, 2) for i in range(len(_RATES))
            ],
            resblock_kernel_sizes=[
                size_of(state, f"resblocks.{j}.convs1.0.weight", path, 2) for j in kinds
            ],
            resblock_dilation_sizes=[list(_DILATIONS) for _ in kinds],
            normalize_before=False,
        )
    )
    # Of a normalisation that is switched off.
    unused = {name: getattr(network, name) for name in ("mean", "scale")}
    renamed = {re.sub(r"^ups\.", "upsampler.", name): tensor for name, tensor in state.items()}
    return fill(network, unused | renamed, path, source)


def load(source: Source) -> Tango:
    """Tango from its published files."""
    return Tango(source)
