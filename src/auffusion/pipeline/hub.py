"""Where a model's folder is: given, shipped with the package, or fetched from the hub."""

import os
from collections.abc import Iterable
from pathlib import Path

from auffusion.errors import InputError
from auffusion.hub import HubOptions, Needed, fetch_repository, is_hub_id
from auffusion.models import embedded_model

EMBEDDED = "embedded"
"""Name of the model that ships with the package."""

# A repository may also hold whole checkpoints, a safety checker and other precisions: gigabytes.
_NEEDED = Needed(
    files=["model_index.json", "condition_config.json"],
    folders=["vae", "unet", "scheduler", "vocoder", "text_encoder*", "tokenizer*", "condition_*"],
    also=["vocoder.pt", "condition_adapter.pt"],
)


def model_folder(name: str | os.PathLike[str], options: HubOptions | None = None) -> Path:
    """The folder of a model.

    Args:
        name: "embedded", a folder, or a hub id such as "auffusion/auffusion-full".
        options: how to fetch it from the hub.

    Raises:
        InputError: there is no such model, or it is not to be had offline.
    """
    if name == EMBEDDED:
        return embedded_model()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not is_hub_id(str(name)):
        raise InputError(
            f"there is no model '{name}': expected '{EMBEDDED}', a model folder or a hub id such "
            "as 'auffusion/auffusion-full'"
        )
    return fetch_repository(str(name), options or HubOptions(), _NEEDED)


def wanted_files(names: Iterable[str]) -> list[str]:
    """Those files of a repository that a pipeline reads, safetensors rather than pickles.

    >>> wanted_files(["unet/diffusion_pytorch_model.bin", "unet/config.json",
    ...               "unet/diffusion_pytorch_model.safetensors", "vocoder/vocoder.pt",
    ...               "unet/diffusion_pytorch_model.fp16.safetensors", "v1-5-pruned.ckpt"])
    ['unet/config.json', 'unet/diffusion_pytorch_model.safetensors', 'vocoder/vocoder.pt']
    """
    return _NEEDED.of(names)
