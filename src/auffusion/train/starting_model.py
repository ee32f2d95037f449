"""The model that a run starts from: whose weights, which text encoders, which prediction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.components import ConditionAdapterModel
from auffusion.text import load_text_encoder, load_tokenizer

STABLE_DIFFUSION = "stable-diffusion-v1-5/stable-diffusion-v1-5"
Prediction = Literal["", "epsilon", "v_prediction"]
ImageScale = Literal["", "fixed-log-range", "dataset-standardisation", "clip-min-max-8bit"]


@dataclass(frozen=True, kw_only=True)
class StartingModel:
    """The `[model]` table."""

    base: str = STABLE_DIFFUSION
    """A folder, a hub id or 'embedded': U-Net, VAE and, unless others are named, text encoders."""
    vocoder: str = ""
    """A vocoder's folder, for a base without one, such as Stable Diffusion itself."""
    encoders: tuple[str, ...] = ()
    """Folders of one or two text encoders with their tokenizers (CLIP, CLAP, T5) in place of the
    base's, each behind a new adapter (§3.5)."""
    from_scratch: bool = False
    """Start the U-Net at random instead of the base's weights (the paper's rows without
    pretraining)."""
    prediction: Prediction = ""
    """What the U-Net predicts; empty is what the base does."""
    zero_terminal_snr: bool = False
    """Rescale the noise levels so that the last one holds no signal (arXiv 2305.08891); with
    v_prediction only."""
    image_scale: ImageScale = ""
    """How log-mels become brightness; empty is what the base does. `dataset-standardisation` is the
    paper's words (§3.2), `fixed-log-range` its released weights, `clip-min-max-8bit` Riffusion's
    (B.3)."""
    mel_statistics: Path | None = None
    """What `auffusion data statistics` wrote; for `dataset-standardisation`."""
    gradient_checkpointing: bool = False
    """Compute activations twice rather than keep them: a third slower, far less memory."""

    def __post_init__(self) -> None:
        if len(self.encoders) > 2:
            raise InputError(f"model.encoders names {len(self.encoders)}: choose one or two")
        if (self.image_scale == "dataset-standardisation") != (self.mel_statistics is not None):
            raise InputError(
                "model.image_scale = dataset-standardisation and model.mel_statistics go together"
            )
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise InputError(
                "model.zero_terminal_snr needs v_prediction: where no signal is left, its noise "
                "says nothing"
            )


def load_starting_model(settings: StartingModel, seed: int, device: str) -> AuffusionPipeline:
    """The pipeline that is trained, on a device; all of it frozen but the U-Net and adapters.

    Raises:
        InputError: no such model or encoder.
    """
    loaded: Any = AuffusionPipeline.from_pretrained(settings.base, vocoder=settings.vocoder or None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = _parts(loaded, settings)
    pipeline: Any = AuffusionPipeline(**{**_kept(loaded), **parts})
    for component in pipeline.components.values():
        if isinstance(component, torch.nn.Module):
            component.requires_grad_(False).eval()
    pipeline.to(device)
    pipeline.unet.requires_grad_(True).train()
    for adapter in adapters_of(pipeline):
        adapter.requires_grad_(True).train()
    if settings.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
    return pipeline


def adapters_of(pipeline: AuffusionPipeline) -> Sequence[torch.nn.Module]:
    """The condition adapters, an encoder each; none in the Stable Diffusion layout."""
    named = (pipeline.components.get(n) for n in ("condition_adapter", "condition_adapter_2"))
    return [adapter for adapter in named if adapter is not None]


def training_scheduler(pipeline: Any) -> Any:  # noqa: ANN401
    """Noise levels and kind of prediction, for training."""
    return DDPMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)


def _kept(loaded: Any) -> dict[str, Any]:  # noqa: ANN401
    """Parts and settings of a pipeline, as its constructor takes them."""
    settings = {n: v for n, v in loaded.config.items() if not n.startswith("_")}
    return settings | loaded.components


def _parts(loaded: Any, settings: StartingModel) -> dict[str, Any]:  # noqa: ANN401
    parts: dict[str, Any] = {}
    if settings.from_scratch:
        parts["unet"] = UNet2DConditionModel.from_config(loaded.unet.config)
    changed: dict[str, Any] = {}
    if settings.prediction:
        changed["prediction_type"] = settings.prediction
    if settings.zero_terminal_snr:
        changed |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
        if not settings.prediction:
            changed["prediction_type"] = "v_prediction"
    if changed:
        # Of a class that knows these settings, whatever the base's was.
        parts["scheduler"] = DDPMScheduler.from_config(loaded.scheduler.config, **changed)
    if settings.image_scale:
        parts["image_scale"] = _scale(settings.image_scale, settings.mel_statistics)
    if settings.encoders:
        parts |= _new_encoders(loaded, settings.encoders)
    return parts


def _scale(kind: str, statistics: Path | None) -> dict[str, Any]:
    if statistics is None:
        return MelImageCodec.from_config({"kind": kind}).to_config()
    try:
        found = json.loads(statistics.read_bytes())
        numbers = {"mean": found["mean"], "deviation": found["deviation"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"model.mel_statistics names {statistics}, which is not what auffusion data statistics "
            f"writes ({error})"
        ) from error
    return MelImageCodec.from_config({"kind": kind, **numbers}).to_config()


def _new_encoders(loaded: Any, folders: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401
    parts: dict[str, Any] = {"text_convention": "adapter"}
    parts |= {f"{part}_2": None for part in ("text_encoder", "tokenizer", "condition_adapter")}
    width = loaded.unet.config.cross_attention_dim
    for ending, folder in zip(("", "_2"), map(Path, folders), strict=False):
        if not folder.is_dir():
            raise InputError(f"model.encoders names {folder}, which is no folder")
        encoder = load_text_encoder(folder)
        parts[f"text_encoder{ending}"] = encoder
        parts[f"tokenizer{ending}"] = load_tokenizer(folder)
        parts[f"condition_adapter{ending}"] = ConditionAdapterModel(
            encoder.config.hidden_size, width
        )
    return parts
