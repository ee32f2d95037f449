"""Which model it is: a hash of everything that makes its sound.

Two folders of different layouts that hold the same model have the same identity, and one changed
number gives another. Of the scheduler only the noise levels and the kind of prediction count, with
which the model was trained: which sampler walks them is a setting of the call, like the seed.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from torch import Tensor, nn

from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.pipeline.saved import SETTINGS

# How a model is used by default does not change what it is.
_DEFAULTS = {"default_steps", "default_guidance"}
_NOISE = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")


def model_identity(pipeline: AuffusionPipeline) -> str:
    """64 hexadecimal digits: SHA-256 over the settings, the vocabularies and all weights."""
    settings = tuple(name for name in SETTINGS if name not in _DEFAULTS)
    return part_identity(pipeline, tuple(pipeline.components), settings)


def part_identity(
    pipeline: AuffusionPipeline, parts: Collection[str], settings: Collection[str]
) -> str:
    """64 hexadecimal digits over some parts of a model and some of its settings alone.

    Args:
        pipeline: the model.
        parts: names of components; those that it does not have do not count.
        settings: entries of its config.
    """
    digest = hashlib.sha256()
    _add_json(digest, {name: pipeline.config[name] for name in settings})
    for name, component in sorted(pipeline.components.items()):
        if name not in parts:
            continue
        if isinstance(component, nn.Module):
            _add_json(digest, [name, type(component).__name__, _settings(component)])
            _add_state(digest, component.state_dict())
        elif name == "scheduler":
            trained = {n: component.config.get(n) for n in (*_NOISE, "prediction_type")}
            _add_json(digest, [name, trained])
        elif name.startswith("tokenizer") and component is not None:
            _add_json(digest, [name, sorted(component.get_vocab().items())])
    return digest.hexdigest()


def _settings(component: nn.Module) -> dict[str, Any]:
    """What a network's config says beyond its weights: heads, activations, scaling factors."""
    if not isinstance(component, ConfigMixin):
        # The weights of a text encoder decide its shape; its config is full of version notes.
        return {}
    return {n: v for n, v in component.config.items() if not n.startswith("_")}


def _add_json(digest: Any, content: Any) -> None:  # noqa: ANN401 - hashlib's object; any JSON
    digest.update(json.dumps(content, sort_keys=True, ensure_ascii=True).encode())


def _add_state(digest: Any, state: Mapping[str, Tensor]) -> None:  # noqa: ANN401
    for name, tensor in sorted(state.items()):
        _add_json(digest, [name, str(tensor.dtype), list(tensor.shape)])
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(flat.numpy().data)
