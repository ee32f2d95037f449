"""The two layouts of the published checkpoints, and a plain Stable Diffusion 1.5.

- The adapter layout lists its text encoders in `condition_config.json`; each has its tokenizer in
  its own folder and an adapter in another. Its scheduler is PNDM whatever its file says.
- The other is a Stable Diffusion folder with a `vocoder/` beside the rest; without one it is plain
  Stable Diffusion, and the caller gives the vocoder.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.errors import InputError
from auffusion.latent import LatentCodec
from auffusion.mel import MelConfig
from auffusion.pipeline.components import ConditionAdapterModel, HifiGanVocoder
from auffusion.pipeline.networks import fill_network, load_network, load_scheduler
from auffusion.pipeline.reading import read_json, read_object, read_tensors
from auffusion.text import ConditionAdapter, load_text_encoder, load_tokenizer
from auffusion.vocoder import HifiGan, HifiGanConfig
from auffusion.weights import read_state

CONDITIONS = "condition_config.json"
"""The file that tells the adapter layout from all others."""

# Of both layouts, constants of the published code whatever the files say.
_CANVAS_FRAMES = 1024
_TEXT_ROWS = 77
_MOST_ENCODERS = 2


def read_adapter_layout(folder: Path, *, dtype: torch.dtype | None = None) -> dict[str, Any]:
    """The parts of a model with adapters, all but its vocoder.

    Raises:
        InputError: a file is missing, damaged or not as published.
    """
    parts = _read_images(folder, dtype)
    parts["scheduler"] = load_scheduler(folder / "scheduler", "PNDMScheduler")
    for ending, item in zip(("", "_2"), _conditions(folder / CONDITIONS), strict=False):
        encoder = folder / item["text_encoder_name"]
        parts[f"text_encoder{ending}"] = load_text_encoder(encoder).to(dtype or torch.float32)
        parts[f"tokenizer{ending}"] = load_tokenizer(encoder)
        parts[f"condition_adapter{ending}"] = _read_adapter(
            folder / item["condition_adapter_name"], item, dtype
        )
    return parts | {"text_convention": "adapter", "text_max_length": _TEXT_ROWS}


def read_stable_diffusion_layout(
    folder: Path, *, dtype: torch.dtype | None = None
) -> dict[str, Any]:
    """The parts of a model without adapters, all but its vocoder.

    Raises:
        InputError: a file is missing, damaged or not as published.
    """
    parts = _read_images(folder, dtype)
    parts["scheduler"] = load_scheduler(folder / "scheduler")
    encoder = load_text_encoder(folder / "text_encoder")
    parts["text_encoder"] = encoder.to(dtype or torch.float32)
    parts["tokenizer"] = load_tokenizer(folder / "tokenizer")
    return parts | {"text_convention": "stable-diffusion", "text_max_length": _TEXT_ROWS}


def read_published_vocoder(folder: Path) -> HifiGanVocoder:
    """The vocoder of either layout, weight norm folded.

    Raises:
        InputError: a file is missing or damaged, or weights and config do not belong together.
    """
    config = read_object(folder / "config.json")
    # The number of bands is the vocoder's to say here; that the rest of the model has as many
    # is seen when the parts are joined. Samples a frame must be those of the front-end.
    mel = MelConfig(bands=HifiGanConfig.from_dict(config).num_mels)
    checkpoint = read_state(folder / "vocoder.pt")
    return HifiGanVocoder.wrap(HifiGan.from_published(config, checkpoint, mel=mel))


def published_settings(parts: Mapping[str, Any]) -> dict[str, Any]:
    """What these layouts do not say, from the parts that imply it."""
    vocoder, shape = parts["vocoder"], parts["unet"].config.sample_size
    # A pair is height and width of the latents that the U-Net was trained on; a number is what
    # Stable Diffusion left there.
    pixels = LatentCodec(parts["vae"]).scale_factor
    frames = _CANVAS_FRAMES if isinstance(shape, int) else shape[1] * pixels
    return {
        "mel": asdict(MelConfig(bands=vocoder.bands, hop_length=vocoder.hop_length)),
        "canvas_frames": frames,
    }


def _read_images(folder: Path, dtype: torch.dtype | None) -> dict[str, Any]:
    return {
        "vae": load_network(AutoencoderKL, folder / "vae", dtype=dtype),
        "unet": load_network(UNet2DConditionModel, folder / "unet", dtype=dtype),
    }


def _read_adapter(
    folder: Path, item: Mapping[str, Any], dtype: torch.dtype | None
) -> ConditionAdapterModel:
    adapter = ConditionAdapter(item["condition_dim"], item["cross_attention_dim"])
    path = folder / "condition_adapter.pt"
    return ConditionAdapterModel.wrap(fill_network(adapter, read_tensors(path), path, dtype=dtype))


def _conditions(path: Path) -> list[dict[str, Any]]:
    """The text encoders that the layout lists."""
    items = read_json(path)
    if not isinstance(items, list) or not 1 <= len(cast("list[Any]", items)) <= _MOST_ENCODERS:
        raise InputError(f"{path} must list one or two text encoders: fetch the model again")
    for item in cast("list[Any]", items):
        _check_condition(item, path)
    return cast("list[dict[str, Any]]", items)


def _check_condition(item: Any, path: Path) -> None:  # noqa: ANN401 - judged here
    if not isinstance(item, dict):
        raise InputError(f"{path} must list objects, not {item!r}: fetch the model again")
    for key in ("text_encoder_name", "condition_adapter_name"):
        # A name with a path in it would read outside the model's folder.
        name = cast("dict[str, Any]", item).get(key)
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):
            raise InputError(f"{path}: {key} {name!r} must be the name of a folder beside it")
    for key in ("condition_dim", "cross_attention_dim"):
        size = cast("dict[str, Any]", item).get(key)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"{path}: {key} {size!r} must be a positive whole number")
