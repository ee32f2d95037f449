"""A folder as https://huggingface.co/declare-lab/tango, and FLAN-T5's settings beside it.

Settings in JSON, weights in pickled state dicts under the names of latent diffusion's VAE, of the
first HiFi-GAN, and of Tango's own class with its `unet` and `text_encoder`.
"""

import json
from types import SimpleNamespace

import torch
from diffusers import UNet2DConditionModel

from tiny_rivals.speech import WIDTH, mel_vae, mel_vocoder, tokenizer, write_flan_t5

BANDS = 16
CHANNELS = (32, 32, 64)
"""Of the VAE; its groups are 32, as published."""


def write_tango(folder):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        folder.mkdir(exist_ok=True)
        made = SimpleNamespace(
            text_encoder=write_flan_t5(folder / "flan-t5-large"),
            tokenizer=tokenizer("t5"),
            unet=_unet(),
            vae=mel_vae(CHANNELS, groups=32),
            vocoder=mel_vocoder(BANDS),
        )
    main = under("unet", made.unet.state_dict())
    main |= under("text_encoder", made.text_encoder.state_dict())
    torch.save(main, folder / "pytorch_model_main.bin")
    sound = ldm_vae(made.vae.state_dict(), levels=len(CHANNELS), layers=1)
    sound |= under("vocoder", hifi_gan(made.vocoder.state_dict()))
    torch.save(sound, folder / "pytorch_model_vae.bin")
    torch.save({"mel_basis": torch.zeros(BANDS, 513)}, folder / "pytorch_model_stft.bin")
    _write_settings(folder, made.vae.config.scaling_factor)
    return made


def _write_settings(folder, scale_factor):
    main = {
        "text_encoder_name": "google/flan-t5-large",
        "scheduler_name": "stabilityai/stable-diffusion-2-1",
        "unet_model_name": None,
        "unet_model_config_path": "configs/diffusion_model_config.json",
        "snr_gamma": 5.0,
    }
    stft = {"filter_length": 1024, "hop_length": 160, "win_length": 1024, "n_mel_channels": BANDS}
    stft |= {"sampling_rate": 16000, "mel_fmin": 0, "mel_fmax": 8000}
    shape = {"double_z": True, "z_channels": 8, "resolution": 256, "downsample_time": False}
    shape |= {"in_channels": 1, "out_ch": 1, "ch": 32, "ch_mult": [1, 1, 2]}
    shape |= {"num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0}
    vae = {"image_key": "fbank", "subband": 1, "embed_dim": 8, "time_shuffle": 1}
    vae |= {"ddconfig": shape, "scale_factor": scale_factor}
    for name, content in (("main", main), ("stft", stft), ("vae", vae)):
        (folder / f"{name}_config.json").write_text(json.dumps(content))


def _unet():
    # Of configs/diffusion_model_config.json all but the sizes.
    return UNet2DConditionModel(
        in_channels=8,
        out_channels=8,
        block_out_channels=(64, 64, 64, 128),
        attention_head_dim=[1, 1, 1, 2],
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=WIDTH,
        layers_per_block=1,
        use_linear_projection=True,
        upcast_attention=True,
    ).eval()


def under(prefix, state):
    return {f"{prefix}.{name}": tensor.clone() for name, tensor in state.items()}


def hifi_gan(state):
    """The names of the first HiFi-GAN."""
    named = {n.replace("upsampler.", "ups."): t for n, t in state.items()}
    return {name: t for name, t in named.items() if name not in {"mean", "scale"}}


def ldm_vae(state, *, levels, layers):
    """The names of latent diffusion's VAE, built up place by place."""
    written = {}

    def move(new, old, *, pixel=False):
        for kind in ("weight", "bias"):
            tensor = state[f"{old}.{kind}"]
            grown = pixel and tensor.ndim == 2
            written[f"{new}.{kind}"] = tensor[:, :, None, None].clone() if grown else tensor

    def block(new, old):
        for part in ("norm1", "conv1", "norm2", "conv2"):
            move(f"{new}.{part}", f"{old}.{part}")
        if f"{old}.conv_shortcut.weight" in state:
            move(f"{new}.nin_shortcut", f"{old}.conv_shortcut")

    for half, way in (("encoder", "down"), ("decoder", "up")):
        move(f"{half}.conv_in", f"{half}.conv_in")
        move(f"{half}.norm_out", f"{half}.conv_norm_out")
        move(f"{half}.conv_out", f"{half}.conv_out")
        block(f"{half}.mid.block_1", f"{half}.mid_block.resnets.0")
        block(f"{half}.mid.block_2", f"{half}.mid_block.resnets.1")
        its = f"{half}.mid_block.attentions.0"
        move(f"{half}.mid.attn_1.norm", f"{its}.group_norm")
        for letter in "qkv":
            move(f"{half}.mid.attn_1.{letter}", f"{its}.to_{letter}", pixel=True)
        move(f"{half}.mid.attn_1.proj_out", f"{its}.to_out.0", pixel=True)
        for level in range(levels):
            # The decoder's levels are numbered as the encoder's: the finest is 0.
            place = level if half == "encoder" else levels - 1 - level
            old = f"{half}.{way}_blocks.{place}"
            for layer in range(layers + (half == "decoder")):
                block(f"{half}.{way}.{level}.block.{layer}", f"{old}.resnets.{layer}")
            if f"{old}.{way}samplers.0.conv.weight" in state:
                move(f"{half}.{way}.{level}.{way}sample.conv", f"{old}.{way}samplers.0.conv")
    move("quant_conv", "quant_conv")
    move("post_quant_conv", "post_quant_conv")
    assert len(written) == len(state)
    return written
