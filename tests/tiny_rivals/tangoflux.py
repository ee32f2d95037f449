"""A folder as https://huggingface.co/declare-lab/TangoFlux, and FLAN-T5's settings beside it."""

import json
from types import SimpleNamespace

import torch
from diffusers import AutoencoderOobleck, FluxTransformer2DModel
from safetensors.torch import save_file
from torch import nn

from auffusion.baselines.parts import quiet
from tiny_rivals.speech import WIDTH, tokenizer, write_flan_t5
from tiny_rivals.tango import under

FREQUENCIES = 8
CONFIG = {
    "num_layers": 1,
    "num_single_layers": 1,
    "in_channels": 4,
    # The rotary positions of its class are of this size.
    "attention_head_dim": 128,
    "joint_attention_dim": WIDTH,
    "num_attention_heads": 1,
    "audio_seq_len": 60,
    "max_duration": 30,
    "uncondition": False,
    "text_encoder_name": "google/flan-t5-large",
}


def write_tangoflux(folder):
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(4)
        folder.mkdir(exist_ok=True)
        made = SimpleNamespace(
            text_encoder=write_flan_t5(folder / "flan-t5-large"),
            tokenizer=tokenizer("t5"),
            transformer=_transformer(),
            fc=nn.Linear(WIDTH, WIDTH),
            frequencies=torch.randn(FREQUENCIES),
            seconds=nn.Linear(2 * FREQUENCIES + 1, WIDTH),
            vae=_vae(),
        )
    save_file(_state(made), folder / "tangoflux.safetensors")
    save_file(made.vae.state_dict(), folder / "vae.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return made


def _state(made):
    state = under("transformer", made.transformer.state_dict())
    text = under("text_encoder", made.text_encoder.state_dict())
    # Safetensors holds a shared tensor once.
    del text["text_encoder.encoder.embed_tokens.weight"]
    time = "duration_emebdder.time_positional_embedding"
    state |= (
        text | under("fc.0", made.fc.state_dict()) | under(f"{time}.1", made.seconds.state_dict())
    )
    return state | {f"{time}.0.weights": made.frequencies}


def _transformer():
    names = ("num_layers", "num_single_layers", "in_channels", "attention_head_dim")
    names += ("joint_attention_dim", "num_attention_heads")
    sizes = {name: CONFIG[name] for name in names}
    return FluxTransformer2DModel(
        **sizes, pooled_projection_dim=WIDTH, guidance_embeds=False
    ).eval()


def _vae():
    return AutoencoderOobleck(
        encoder_hidden_size=8,
        downsampling_ratios=[2, 4, 4, 8],
        channel_multiples=[1, 1, 2, 2],
        decoder_channels=8,
        decoder_input_channels=4,
        audio_channels=2,
        sampling_rate=44_100,
    ).eval()
