"""Tiny checkpoints as the published ones are: pickled, with the names and oddities of 2023."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.pipeline.publish import write_published
from auffusion.pipeline.tiny import Layout, tiny_pipeline
from auffusion.pipeline.tiny_text import EncoderKind

# Settings of the weight average that the published U-Net's config also holds.
_AVERAGE = {
    "decay": 0.9999,
    "inv_gamma": 1.0,
    "min_decay": 0.0,
    "optimization_step": 100000,
    "power": 0.6666666666666666,
    "update_after_step": 0,
    "use_ema_warmup": False,
}
# Keys of HiFi-GAN's training that its config.json also holds.
_TRAINING = {"sampling_rate": 16000, "hop_size": 160, "segment_size": 8192, "batch_size": 16}
_OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write_tiny_published(
    folder: Path,
    layout: Layout = "adapter",
    *,
    encoders: Sequence[EncoderKind] = ("clip",),
    seed: int = 0,
) -> AuffusionPipeline:
    """Write a tiny model into the empty folder `folder` in the old format.

    Returns:
        The model written, to compare with what is read.
    """
    pipeline = tiny_pipeline(seed, layout=layout, encoders=encoders)
    write_published(pipeline, folder, pickled=True)
    _edit(folder / "unet" / "config.json", lambda config: config.update(_AVERAGE))
    _edit(folder / "vocoder" / "config.json", lambda config: config.update(_TRAINING))
    _rename(folder / "vae" / "diffusion_pytorch_model.bin", _old_attention)
    for encoder in folder.glob("text_encoder*"):
        _age_encoder(encoder)
    if layout == "adapter":
        # Whatever the file names, this layout is sampled with PNDM.
        _edit(
            folder / "scheduler" / "scheduler_config.json",
            lambda config: config.update(_class_name="DDIMScheduler"),
        )
    return pipeline


def _age_encoder(folder: Path) -> None:
    kind = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    if kind == "CLIPTextModel":
        _edit(
            folder / "config.json",
            lambda config: config.update(model_type="clip_text_model", torch_dtype="float32"),
        )
        path = folder / "pytorch_model.bin"
        state = torch.load(path, weights_only=True)
        state["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        torch.save(state, path)


def _old_attention(name: str) -> str:
    if ".attentions." in name:
        for new, old in _OLD_ATTENTION.items():
            name = name.replace(f".{new}.", f".{old}.")
    return name


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _rename(path: Path, name: Callable[[str], str]) -> None:
    state: dict[str, Tensor] = torch.load(path, weights_only=True)
    torch.save({name(key): tensor for key, tensor in state.items()}, path)
