"""Our own folder, as `save_pretrained` or `save_packed` writes it.

`model_index.json` names a class for each part. The names are looked up in a table here and never
imported: a folder must not choose the code that reads it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.errors import InputError
from auffusion.pipeline.components import (
    ConditionAdapterModel,
    FourierVocoderModel,
    HifiGanVocoder,
    PatchAutoencoderModel,
)
from auffusion.pipeline.networks import load_network, load_scheduler
from auffusion.pipeline.reading import read_component, read_object
from auffusion.text import build_text_encoder, load_tokenizer

INDEX = "model_index.json"
"""The file that names the parts of a pipeline."""
CLASS = "AuffusionPipeline"
"""The class it names when the folder is ours."""
SETTINGS = (
    "text_convention",
    "text_max_length",
    "image_scale",
    "mel",
    "canvas_frames",
    "default_steps",
    "default_guidance",
)
"""Entries of the index that are not parts."""
VOCODERS: Mapping[str, Any] = {
    kind.__name__: kind for kind in (HifiGanVocoder, FourierVocoderModel)
}
"""The vocoders that a folder may name."""
AUTOENCODERS: Mapping[str, Any] = {"PatchAutoencoderModel": PatchAutoencoderModel}
"""The autoencoders that a folder may name besides `AutoencoderKL`."""

_TRANSFORMERS_WEIGHTS = ("model", "pytorch_model")


def read_saved(
    folder: Path, *, dtype: torch.dtype | None = None, leave_out: str | None = None
) -> dict[str, Any]:
    """The parts and settings of a folder of ours.

    Args:
        folder: holds `model_index.json`.
        dtype: precision of all but the vocoder; None is float32.
        leave_out: a part that is not read, for the caller has another.

    Raises:
        InputError: a file is missing, damaged or does not belong to the model.
    """
    index = read_object(folder / INDEX)
    parts = {name: index[name] for name in SETTINGS if name in index}
    for name, read in _READERS.items():
        if name != leave_out and _is_there(index, name, folder):
            parts[name] = read(folder / name, dtype)
    return parts


def load_saved_vocoder(folder: Path, dtype: torch.dtype | None = None) -> Any:  # noqa: ANN401, ARG001
    """A vocoder from its own folder; in float32 whatever the pipeline's precision.

    Raises:
        InputError: the folder's config names none of `VOCODERS`, or its weights do not fit.
    """
    name = str(read_object(folder / "config.json").get("_class_name"))
    if name not in VOCODERS:
        raise InputError(
            f"{folder / 'config.json'} names the vocoder {name!r}: expected one of "
            f"{', '.join(VOCODERS)}, or a published folder with vocoder.pt"
        )
    # The Fourier vocoder computes its window when it is built.
    return load_network(VOCODERS[name], folder, built_on="cpu")


def load_autoencoder(folder: Path, dtype: torch.dtype | None = None) -> Any:  # noqa: ANN401
    """An autoencoder from its own folder: an `AutoencoderKL` unless it says another name.

    Raises:
        InputError: a file is missing or damaged, or the weights do not fit the config.
    """
    name = read_object(folder / "config.json").get("_class_name")
    return load_network(AUTOENCODERS.get(str(name), AutoencoderKL), folder, dtype=dtype)


def _is_there(index: Mapping[str, Any], name: str, folder: Path) -> bool:
    entry = index.get(name)
    if isinstance(entry, list) and cast("list[Any]", entry)[:1] not in ([], [None]):
        return True
    if name in _OPTIONAL:
        return False
    raise InputError(f"{folder / INDEX} names no {name}: fetch the model again")


def _read_text_encoder(folder: Path, dtype: torch.dtype | None) -> Any:  # noqa: ANN401
    config = read_object(folder / "config.json")
    state = read_component(folder, _TRANSFORMERS_WEIGHTS)
    return build_text_encoder(config, state, source=str(folder)).to(dtype or torch.float32)


def _network(kind: Any) -> Callable[[Path, torch.dtype | None], Any]:  # noqa: ANN401
    return lambda folder, dtype: load_network(kind, folder, dtype=dtype)


def _without_dtype(read: Callable[[Path], Any]) -> Callable[[Path, torch.dtype | None], Any]:
    return lambda folder, dtype: read(folder)  # noqa: ARG005


_READERS: Mapping[str, Callable[[Path, torch.dtype | None], Any]] = {
    "vae": load_autoencoder,
    "unet": _network(UNet2DConditionModel),
    "scheduler": _without_dtype(load_scheduler),
    "vocoder": load_saved_vocoder,
    "text_encoder": _read_text_encoder,
    "tokenizer": _without_dtype(load_tokenizer),
    "condition_adapter": _network(ConditionAdapterModel),
    "text_encoder_2": _read_text_encoder,
    "tokenizer_2": _without_dtype(load_tokenizer),
    "condition_adapter_2": _network(ConditionAdapterModel),
}
_OPTIONAL = {"condition_adapter", "text_encoder_2", "tokenizer_2", "condition_adapter_2"}
