"""Folders as https://huggingface.co/riffusion/riffusion-model-v1 and as our training exports."""

import json

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from auffusion.baselines.parts import quiet
from auffusion.image import MelImageCodec
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline

_OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write_riffusion(folder):
    """Pickled parts with the names of 2022, and beside them what nobody needs."""
    made = tiny_pipeline(6, layout="stable-diffusion")
    parts = {name: getattr(made, name) for name in ("vae", "unet", "text_encoder", "tokenizer")}
    pipeline = StableDiffusionPipeline(
        **parts,
        scheduler=made.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with quiet():
        pipeline.save_pretrained(folder, safe_serialization=False)
    _age(folder)
    (folder / "riffusion-model-v1.ckpt").write_bytes(b"a copy of all, with a trainer's objects")
    (folder / "unet_traced").mkdir()
    (folder / "unet_traced" / "unet_traced.pt").write_bytes(b"code")
    return pipeline


def _age(folder):
    text = folder / "text_encoder"
    state = load_file(text / "model.safetensors")
    (text / "model.safetensors").unlink()
    aged = {f"text_model.{name}": tensor for name, tensor in state.items()}
    aged["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    torch.save(aged, text / "pytorch_model.bin")
    vae = folder / "vae" / "diffusion_pytorch_model.bin"
    torch.save({_old(n): t for n, t in torch.load(vae, weights_only=True).items()}, vae)


def _old(name):
    for new, old in _OLD_ATTENTION.items():
        if ".attentions." in name:
            name = name.replace(f".{new}.", f".{old}.")
    return name


def write_retrained_riffusion(folder):
    """What `auffusion train diffusion riffusion` exports: our folder, Riffusion's picture scale."""
    made = tiny_pipeline(7, layout="stable-diffusion")
    scale = MelImageCodec.from_config({"kind": "clip-min-max-8bit"}).to_config()
    settings = {n: v for n, v in made.config.items() if not n.startswith("_")}
    pipeline = AuffusionPipeline(**{**settings, **made.components, "image_scale": scale})
    pipeline.save_pretrained(folder)
    assert json.loads((folder / "model_index.json").read_text())["image_scale"] == scale
    return pipeline
