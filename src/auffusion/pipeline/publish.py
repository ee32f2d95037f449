"""A pipeline written in the layouts in which Auffusion's checkpoints were published.

So that programs made for those read models trained or changed here. Vocoder and adapters are
pickled, for their files have fixed names; all else is safetensors unless asked otherwise.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import torch as tensor_files
from torch import Tensor

from auffusion.errors import InputError
from auffusion.image import FixedLogRange, MelImageCodec
from auffusion.mel import MelConfig
from auffusion.pipeline.components import HifiGanVocoder

# The prefix that CLIP's names had before transformers 5.6; older programs load a file without it
# with a warning and random weights.
_CLIP_PREFIX = "text_model."
_PUBLISHED_ENCODERS = ("CLIPTextModel", "T5EncoderModel", "ClapTextModelWithProjection")


def write_published(pipeline: Any, folder: Path, *, pickled: bool = False) -> None:  # noqa: ANN401
    """Write `pipeline` into `folder`: with adapters if it has some, else as Stable Diffusion.

    Args:
        pipeline: an `AuffusionPipeline`.
        folder: exists and is empty.
        pickled: write `.bin` files, as the first checkpoints had.

    Raises:
        InputError: the model is of a kind that these layouts cannot hold.
    """
    _check_publishable(pipeline)
    for name in ("vae", "unet"):
        network = getattr(pipeline, name)
        network.save_config(folder / name)
        _write_weights(network.state_dict(), folder / name / "diffusion_pytorch_model", pickled)
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    _write_vocoder(pipeline.vocoder, folder / "vocoder")
    if pipeline.config.text_convention == "adapter":
        _write_conditions(pipeline, folder, pickled)
    else:
        _write_encoder(pipeline.text_encoder, folder / "text_encoder", pickled)
        _write_tokenizer(pipeline.tokenizer, folder / "tokenizer")
        _write_json(_stable_diffusion_index(pipeline), folder / "model_index.json")


def unfold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights split into magnitude and direction, as the published vocoder has them.

    Folding them again gives the same bits: the direction is the weight itself.
    """
    split: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith(".weight"):
            # The same sum as in `fold_weight_norm`: another order of adding is another last bit.
            length = tensor.square().flatten(1).sum(dim=1).sqrt()
            split[f"{name}_g"] = length.reshape(-1, *[1] * (tensor.ndim - 1))
            split[f"{name}_v"] = tensor.clone()
        else:
            split[name] = tensor.clone()
    return split


def save_encoder_config(encoder: Any, folder: Path) -> None:  # noqa: ANN401
    """Write a transformers encoder's `config.json` with its class, by which it is read again."""
    # transformers notes the class only when it saves the weights too.
    encoder.config.architectures = [type(encoder).__name__]
    encoder.config.save_pretrained(folder)


def _check_publishable(pipeline: Any) -> None:  # noqa: ANN401
    config = pipeline.config
    kinds = [type(branch.encoder).__name__ for branch in pipeline.text.branches]
    adapted = [branch.adapter is not None for branch in pipeline.text.branches]
    front_end = MelConfig(bands=pipeline.mel.bands)
    holds = {
        "its vocoder is not HiFi-GAN": isinstance(pipeline.vocoder, HifiGanVocoder),
        "its front-end differs": pipeline.mel == front_end,
        "its picture scale differs": pipeline.image_codec == MelImageCodec(FixedLogRange()),
        "its prompts are not of 77 rows": config.text_max_length == 77,
        f"its text encoder is {kinds}": all(kind in _PUBLISHED_ENCODERS for kind in kinds),
        "its adapters do not suit its text convention": (
            all(adapted) if config.text_convention == "adapter" else adapted == [False]
        ),
    }
    for reason, held in holds.items():
        if not held:
            raise InputError(f"the published layouts cannot hold this model: {reason}")


def _write_conditions(pipeline: Any, folder: Path, pickled: bool) -> None:  # noqa: ANN401
    items: list[dict[str, Any]] = []
    for index, branch in enumerate(pipeline.text.branches):
        item = {
            "text_encoder_name": f"text_encoder_{index}",
            "condition_adapter_name": f"condition_adapter_{index}",
            "condition_type": f"{branch.encoder.config.model_type}_text",
            "pretrained_model_name_or_path": "",
            "condition_max_length": branch.max_length,
            "condition_dim": branch.adapter.config.condition_dim,
            "cross_attention_dim": branch.adapter.config.cross_attention_dim,
        }
        _write_encoder(branch.encoder, folder / item["text_encoder_name"], pickled)
        _write_tokenizer(branch.tokenizer, folder / item["text_encoder_name"])
        adapter = folder / item["condition_adapter_name"]
        adapter.mkdir()
        _write_json(item, adapter / "config.json")
        torch.save(_plain(branch.adapter.network.state_dict()), adapter / "condition_adapter.pt")
        items.append(item)
    _write_json(items, folder / "condition_config.json")


def _write_vocoder(vocoder: HifiGanVocoder, folder: Path) -> None:
    folder.mkdir()
    shape = {name: entry for name, entry in vocoder.config.items() if not name.startswith("_")}
    _write_json(shape, folder / "config.json")
    state = _plain(vocoder.network.state_dict())
    torch.save({"generator": unfold_weight_norm(state)}, folder / "vocoder.pt")


def _write_encoder(encoder: Any, folder: Path, pickled: bool) -> None:  # noqa: ANN401
    save_encoder_config(encoder, folder)
    kind = type(encoder).__name__
    prefix = _CLIP_PREFIX if kind == "CLIPTextModel" else ""
    state = {prefix + name: tensor for name, tensor in encoder.state_dict().items()}
    _write_weights(state, folder / ("pytorch_model" if pickled else "model"), pickled)


def _write_tokenizer(tokenizer: Any, folder: Path) -> None:  # noqa: ANN401
    tokenizer.save_pretrained(folder)
    model = tokenizer.backend_tokenizer.model
    if type(model).__name__ == "BPE":
        # Older tokenizers cannot read the present tokenizer.json, and all read these two files.
        (folder / "tokenizer.json").unlink()
        model.save(str(folder))


def _write_weights(state: Mapping[str, Tensor], path: Path, pickled: bool) -> None:
    if pickled:
        torch.save(_plain(state), path.with_suffix(".bin"))
    else:
        # Older transformers refuse a file that does not say which library wrote it.
        tensor_files.save_file(
            _plain(state), path.with_suffix(".safetensors"), metadata={"format": "pt"}
        )


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU that share no memory."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def _stable_diffusion_index(pipeline: Any) -> dict[str, Any]:  # noqa: ANN401
    names = ("vae", "unet", "scheduler", "text_encoder", "tokenizer")
    index: dict[str, Any] = {name: pipeline.config[name] for name in names}
    nothing = {"safety_checker": [None, None], "feature_extractor": [None, None]}
    return {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.18.2",
        **index,
        **nothing,
        "requires_safety_checker": False,
    }


def _write_json(content: Any, path: Path) -> None:  # noqa: ANN401
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
