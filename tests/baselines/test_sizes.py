"""At the published sizes, without memory: the networks fill the published files to the byte.

Sizes are those of the files on the hub, from the pointers in their commits.
"""

from pathlib import Path

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderOobleck,
    FluxTransformer2DModel,
    UNet2DConditionModel,
)
from torch import nn
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig, T5Config, T5EncoderModel

from auffusion.baselines.audiocraft import AudiocraftFile
from auffusion.baselines.contract import Source
from auffusion.baselines.parts import quiet
from auffusion.baselines.rivals import audiogen, tango, tangoflux

NOWHERE = Source(folder=Path(), companions={}, device=torch.device("meta"), dtype=torch.float32)
PATH = Path("file.bin")


def numbers(*networks):
    """Parameters and stored buffers, a shared one counted once."""
    tensors = {
        id(t): t for network in networks for t in network.state_dict(keep_vars=True).values()
    }
    return sum(tensor.numel() for tensor in tensors.values())


def flan_t5_large():
    # https://huggingface.co/google/flan-t5-large/blob/main/config.json
    config = T5Config(
        vocab_size=32128,
        d_model=1024,
        d_kv=64,
        d_ff=2816,
        num_layers=24,
        num_heads=16,
        feed_forward_proj="gated-gelu",
    )
    with torch.device("meta"):
        return T5EncoderModel(config)


def test_tangos_main_file():
    # https://github.com/declare-lab/tango, configs/diffusion_model_config.json
    published = {
        "attention_head_dim": [5, 10, 20, 20],
        "block_out_channels": [320, 640, 1280, 1280],
        "cross_attention_dim": 1024,
        "in_channels": 8,
        "out_channels": 8,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "use_linear_projection": True,
        "upcast_attention": True,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    }
    with torch.device("meta"):
        reference = UNet2DConditionModel(**published)
    # All of it is read off the weights.
    unet = tango._unet(reference.state_dict(), PATH, NOWHERE)
    assert {name: unet.config[name] for name in published} == published
    # Each tensor has some 100 bytes of its own in a file of torch's.
    assert 4 * numbers(unet, flan_t5_large()) == pytest.approx(4_829_066_707, rel=1e-4)


def test_tangos_sound_file():
    shape = {"in_channels": 1, "out_ch": 1, "ch": 128, "ch_mult": [1, 2, 4], "num_res_blocks": 2}
    shape |= {"z_channels": 8}
    with torch.device("meta"):
        reference = AutoencoderKL(
            in_channels=1,
            out_channels=1,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            block_out_channels=(128, 256, 512),
            layers_per_block=2,
            latent_channels=8,
        )
    settings = {"ddconfig": shape, "scale_factor": 0.9227914214134216}
    # The names are diffusers' own here, which renaming leaves alone.
    vae = tango._vae(settings, reference.state_dict(), PATH, NOWHERE)
    # https://github.com/declare-lab/tango, audioldm/hifigan/utilities.py
    published = {
        "model_in_dim": 64,
        "upsample_initial_channel": 1024,
        "upsample_rates": [5, 4, 2, 2, 2],
        "upsample_kernel_sizes": [16, 16, 8, 4, 4],
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    }
    with torch.device("meta"):
        state = SpeechT5HifiGan(SpeechT5HifiGanConfig(**published)).state_dict()
    old = {name.replace("upsampler.", "ups."): t for name, t in state.items()}
    old = {name: t for name, t in old.items() if name not in {"mean", "scale"}}
    with torch.device("meta"):
        vocoder = tango._vocoder(old, PATH, NOWHERE)
    assert {name: getattr(vocoder.config, name) for name in published} == published
    assert 4 * numbers(vae, vocoder) == pytest.approx(442_713_669, rel=1e-3)


def test_tangofluxs_files():
    with torch.device("meta"):
        reference = FluxTransformer2DModel(
            in_channels=64,
            num_layers=6,
            num_single_layers=18,
            attention_head_dim=128,
            num_attention_heads=8,
            joint_attention_dim=1024,
            pooled_projection_dim=1024,
        )
    state = reference.state_dict()
    flux = tangoflux._transformer(tangoflux._DEFAULTS, 1024, state, PATH, NOWHERE)
    # The map of the pooled prompt and that of the length, of 128 frequencies.
    rest = 1024 * 1024 + 1024 + 128 + 257 * 1024 + 1024
    assert 4 * (numbers(flux, flan_t5_large()) + rest) == pytest.approx(3_437_051_960, rel=1e-4)


def test_the_autoencoders_settings_are_read_off_its_weights(tmp_path, monkeypatch):
    with quiet(), torch.device("meta"):
        reference = AutoencoderOobleck()
    monkeypatch.setattr(tangoflux, "read_state", lambda _path: reference.state_dict())
    with torch.device("meta"):
        vae = tangoflux._vae(tmp_path / "vae.safetensors", NOWHERE)
    kept = {n: v for n, v in reference.config.items() if not n.startswith("_")}
    assert {name: vae.config[name] for name in kept} == kept
    # https://huggingface.co/declare-lab/TangoFlux/tree/main says 624 MB.
    assert 4 * numbers(vae) == pytest.approx(624e6, rel=2e-3)


def audiocraft(settings):
    return AudiocraftFile(path=PATH, state={}, settings=settings)


def test_audiogens_files(monkeypatch):
    # config/model/lm/model_scale/medium.yaml and audiogen_lm.yaml; the weights are halves.
    lm = {"dim": 1536, "num_heads": 24, "num_layers": 48, "hidden_scale": 4, "n_q": 4, "card": 2048}
    built = []
    monkeypatch.setattr(audiogen, "fill", lambda network, *_: built.append(network) or network)
    with torch.device("meta"):
        audiogen._language(audiocraft({"transformer_lm": lm}), NOWHERE)
    assert 2 * (numbers(*built) + numbers(nn.Linear(1024, 1536))) == pytest.approx(3.68e9, rel=2e-3)
    # config/model/encodec/encodec_large_nq4_s320.yaml; buffers of its training are stored.
    codec = {
        "encodec": {"sample_rate": 16000, "channels": 1, "causal": False},
        "seanet": {"dimension": 128, "n_filters": 64, "ratios": [8, 5, 4, 2], "true_skip": True},
        "rvq": {"n_q": 4, "bins": 2048},
    }
    with torch.device("meta"):
        network = audiogen._codec(audiocraft(codec), NOWHERE)
    assert network.config.num_quantizers == 4
    assert 4 * numbers(network) == pytest.approx(236e6, rel=5e-3)
