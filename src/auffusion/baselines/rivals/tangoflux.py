"""TangoFlux (arXiv 2412.21037, ICLR 2026): the strong newer system, beyond the paper's table.

https://huggingface.co/declare-lab/TangoFlux holds `config.json`, `tangoflux.safetensors` (a
rectified-flow transformer of diffusers' FLUX class, FLAN-T5-large and two small embeddings) and
`vae.safetensors` (diffusers' `AutoencoderOobleck`). Its package pins torch 2.4; its networks are
those of diffusers, and are read as such. Facts from https://github.com/declare-lab/TangoFlux,
tangoflux/model.py and tangoflux/__init__.py.

44.1 kHz stereo, of which the paper's protocol hears 16 kHz mono.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import AutoencoderOobleck
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.baselines.contract import Source
from auffusion.baselines.flan_t5 import FlanT5
from auffusion.baselines.parts import Part, fill, only_under, quiet, read_config, size_of, under
from auffusion.baselines.sampling import Sampling
from auffusion.shapes import TextEmbedding, Waveform
from auffusion.weights import read_state

State = Mapping[str, Tensor]
Pooled = Float[Tensor, "batch feature"]

# What its config.json may leave out, and the published one does not.
_DEFAULTS = {
    "num_layers": 6,
    "num_single_layers": 18,
    "in_channels": 64,
    "attention_head_dim": 128,
    "joint_attention_dim": 1024,
    "num_attention_heads": 8,
    "audio_seq_len": 645,
    "max_duration": 30,
}
_FLUX = (
    *("num_layers", "num_single_layers", "in_channels"),
    *("attention_head_dim", "joint_attention_dim", "num_attention_heads"),
)


class _Seconds(nn.Module):
    """A length in seconds as a token: itself, sines and cosines of learnt frequencies, a map."""

    def __init__(self, frequencies: int, features: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(frequencies))
        self.map = nn.Linear(2 * frequencies + 1, features)

    def forward(self, share: Float[Tensor, " batch"]) -> TextEmbedding:
        turns = 2 * torch.pi * share[:, None] * self.weights
        return self.map(torch.cat([share[:, None], turns.sin(), turns.cos()], dim=-1))[:, None]


class TangoFlux:
    """TangoFlux.

    Args:
        source: the published files, and FLAN-T5-large's tokenizer and settings.

    Raises:
        InputError: they are incomplete, damaged or of another model.
    """

    sample_rate = 44_100

    def __init__(self, source: Source) -> None:
        settings = _DEFAULTS | read_config(source.folder / "config.json")
        path = source.folder / "tangoflux.safetensors"
        state = read_state(path)
        only_under(state, ["transformer.", "text_encoder.", "fc.0.", "duration_emebdder."], path)
        flan = source.companions["flan-t5-large"]
        self._encode = FlanT5(under(state, "text_encoder."), path, flan, source)
        flux = under(state, "transformer.")
        self._transformer = _transformer(settings, self._encode.features, flux, path, source)
        self._pool = _pool(under(state, "fc.0."), path, source)
        self._seconds = _seconds(state, path, source)
        self._vae = _vae(source.folder / "vae.safetensors", source)
        scheduler: Part = FlowMatchEulerDiscreteScheduler
        self._scheduler = scheduler(num_train_timesteps=1000)
        self._length = int(settings["audio_seq_len"])
        self._longest_s = float(settings["max_duration"])
        self._source = source

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """Two channels at 44.1 kHz, as long as it always makes; what was asked for comes first."""
        guided = sampling.guidance > 1
        prompts = ["", prompt] if guided else [prompt]
        embedding, pooled = self._condition(prompts, sampling.length_s)
        positions = {
            "txt_ids": torch.zeros(embedding.shape[1], 3),
            "img_ids": torch.arange(self._length)[:, None].expand(-1, 3).float(),
        }
        places = {name: place.to(self._source.device) for name, place in positions.items()}
        latent = self._noise(generator)
        steps = sampling.steps or 1
        self._scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps))
        for timestep in self._scheduler.timesteps:
            predicted = self._transformer(
                hidden_states=latent.expand(len(embedding), -1, -1),
                timestep=(timestep / 1000).to(latent).expand(len(embedding)),
                pooled_projections=pooled,
                encoder_hidden_states=embedding,
                **places,
            ).sample
            if guided:
                without, given = predicted.chunk(2)
                predicted = without + sampling.guidance * (given - without)
            latent = self._scheduler.step(predicted, timestep, latent).prev_sample
        return self._vae.decode(latent.transpose(1, 2)).sample[0]

    def _noise(self, generator: torch.Generator) -> Float[Tensor, "1 step channel"]:
        shape = (1, self._length, self._transformer.config.in_channels)
        return torch.randn(shape, generator=generator).to(self._source.device, self._source.dtype)

    def _condition(self, prompts: list[str], length_s: float) -> tuple[TextEmbedding, Pooled]:
        """Tokens with the length as the last one, and a mean over the tokens that count."""
        rows, counts = self._encode(prompts)
        weights = counts[:, :, None].to(rows.dtype)
        pooled = self._pool((rows * weights).sum(dim=1) / weights.sum(dim=1)).relu()
        share = torch.full((len(prompts),), length_s / self._longest_s).clamp(0.0, 1.0)
        return torch.cat([rows, self._seconds(share.to(rows))], dim=1), pooled


def _transformer(
    settings: Mapping[str, Any], width: int, state: State, path: Path, source: Source
) -> Part:
    network: Part = FluxTransformer2DModel
    with torch.device("meta"):
        network = network(
            **{name: int(settings[name]) for name in _FLUX},
            pooled_projection_dim=width,
            guidance_embeds=False,
        )
    return fill(network, state, path, source)


def _pool(state: State, path: Path, source: Source) -> Part:
    inner = size_of(state, "weight", path, 1)
    return fill(nn.Linear(inner, size_of(state, "weight", path)), state, path, source)


def _seconds(state: Mapping[str, Any], path: Path, source: Source) -> Part:
    # The published name is spelt so.
    own = under(state, "duration_emebdder.time_positional_embedding.")
    frequencies = size_of(own, "0.weights", path)
    names = {"0.weights": "weights", "1.weight": "map.weight", "1.bias": "map.bias"}
    renamed = {names.get(name, name): tensor for name, tensor in own.items()}
    network = _Seconds(frequencies, size_of(own, "1.weight", path))
    return fill(network, renamed, path, source)


def _vae(path: Path, source: Source) -> Part:
    """The autoencoder, whose settings are nowhere but in the shapes of its weights."""
    state = read_state(path)
    levels = range(len({n.split(".")[2] for n in state if n.startswith("encoder.block.")}))
    width = size_of(state, "encoder.conv1.weight_v", path)
    downs = [f"encoder.block.{level}.conv1.weight_v" for level in levels]
    network: Part = AutoencoderOobleck
    with quiet():
        network = network(
            encoder_hidden_size=width,
            # A kernel is twice as long as its stride.
            downsampling_ratios=[size_of(state, name, path, 2) // 2 for name in downs],
            channel_multiples=[size_of(state, name, path) // width for name in downs],
            decoder_channels=size_of(state, "decoder.conv2.weight_v", path, 1),
            decoder_input_channels=size_of(state, "decoder.conv1.weight_v", path, 1),
            audio_channels=size_of(state, "encoder.conv1.weight_v", path, 1),
            sampling_rate=TangoFlux.sample_rate,
        )
    return fill(network, state, path, source)


def load(source: Source) -> TangoFlux:
    """TangoFlux from its published files."""
    return TangoFlux(source)
