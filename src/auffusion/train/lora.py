"""Low-rank adapters of a U-Net's attention (LoRA, Hu et al., arXiv 2106.09685)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """The `[lora]` table."""

    rank: int = 8
    """Width of each adapter; more learns more and weighs more."""
    alpha: int = 8
    """What an adapter gives is multiplied by alpha / rank."""
    dropout: float = 0.0
    """Share of an adapter's inputs that are dropped while it learns."""
    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    """Layers that get one, by the end of their names."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1:
            raise InputError(
                f"lora.rank is {self.rank} and alpha {self.alpha}: both must be 1 or more"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"lora.dropout is {self.dropout}: choose 0 up to below 1")


def add_lora(unet: Any, settings: LoraSettings, seed: int) -> None:  # noqa: ANN401
    """Freeze a U-Net and give it adapters, which alone are trained, in float32.

    Raises:
        InputError: no layer of that name.
    """
    from peft import LoraConfig

    unet.requires_grad_(False)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        init_lora_weights="gaussian",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            unet.add_adapter(config)
        except ValueError as error:
            raise InputError(
                f"lora.targets names {', '.join(settings.targets)}, but the U-Net has no such "
                "layer: to_q, to_k, to_v and to_out.0 are its attention's"
            ) from error
    for parameter in lora_parameters(unet):
        # Sums of many small steps, which 16 bits would round away.
        parameter.data = parameter.data.float()


def lora_parameters(unet: nn.Module) -> Sequence[nn.Parameter]:
    """The weights of the adapters."""
    return [weight for name, weight in unet.named_parameters() if ".lora_" in name]


def save_lora(unet: Any, folder: Path) -> None:  # noqa: ANN401
    """Write the adapters as `AuffusionPipeline.load_lora_weights` reads them."""
    from peft import utils

    # peft annotates its arguments in part.
    taken: Any = utils
    described: dict[str, Any] = unet.peft_config["default"].to_dict()
    # A set has another order in each process, and equal weights would be other files.
    ordered = {
        name: sorted(cast("set[str]", value)) if isinstance(value, set) else value
        for name, value in described.items()
    }
    # A loader builds the adapters anew, in training mode: they would drop inputs of every sound.
    ordered["lora_dropout"] = 0.0
    pipeline: Any = AuffusionPipeline
    pipeline.save_lora_weights(
        str(folder),
        unet_lora_layers=taken.get_peft_model_state_dict(unet),
        # Without it a loader would take alpha for rank.
        unet_lora_adapter_metadata=ordered,
    )
