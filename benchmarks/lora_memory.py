"""Memory of LoRA training at Stable Diffusion 1.5's size, counted without its weights or a GPU.

The U-Net stands on torch's meta device, where a forward pass computes shapes alone; what autograd
keeps for the backward pass is added up, each storage once. Attention's scores are counted where
torch's plain kernel keeps them; the fused ones of a GPU keep none, and need less.
"""

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.train.lora import LoraSettings, add_lora, lora_parameters

# Weight and gradient, AdamW's two moments, four bytes each.
_BYTES_A_TRAINED_WEIGHT = 16


class Kept:
    """What is kept for the backward pass, besides the weights."""

    def __init__(self, unet: torch.nn.Module) -> None:
        self._own = {p.untyped_storage()._cdata for p in unet.parameters()}
        self._storages: dict[int, torch.UntypedStorage] = {}

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """Count a tensor's storage, once."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own:
            self._storages[storage._cdata] = storage
        return tensor

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(storage.nbytes() for storage in self._storages.values())


def new_unet(dtype: torch.dtype) -> Any:  # noqa: ANN401
    """Stable Diffusion 1.5's U-Net with adapters, without memory."""
    with torch.device("meta"):
        unet: Any = UNet2DConditionModel(cross_attention_dim=768).to(dtype)
        add_lora(unet, LoraSettings(), 0)
    return unet.train()


def activations(dtype: torch.dtype, batch: int, *, checkpointing: bool) -> int:
    """Bytes of the activations of a step on 10.24 s; with checkpointing the largest block's too."""
    unet = new_unet(dtype)
    kept, largest = Kept(unet), [0]

    def block(function: Callable[..., Any], *inputs: Any) -> Any:  # noqa: ANN401
        for one in inputs:
            if isinstance(one, torch.Tensor):
                kept.add(one)
        inside = Kept(unet)
        with torch.autograd.graph.saved_tensors_hooks(inside.add, lambda tensor: tensor):
            output = function(*inputs)
        largest[0] = max(largest[0], inside.size)
        return output

    if checkpointing:
        unet.enable_gradient_checkpointing(block)
    with torch.device("meta"):
        latent = torch.empty(batch, 4, 32, 128, dtype=dtype)
        text = torch.empty(batch, 77, 768, dtype=dtype)
        timestep = torch.empty(batch, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(kept.add, lambda tensor: tensor):
        unet(latent, timestep, encoder_hidden_states=text)
    return kept.size + largest[0]


def main() -> None:
    """Print the sums."""
    unet = new_unet(torch.float32)
    trained = sum(weight.numel() for weight in lora_parameters(unet))
    frozen = sum(weight.numel() for weight in unet.parameters()) - trained
    print(f"frozen weights {frozen:,}, trained {trained:,}")
    print(f"trained, with gradients and moments: {trained * _BYTES_A_TRAINED_WEIGHT / 1e9:.3f} GB")
    for dtype in (torch.bfloat16, torch.float32):
        base = frozen * dtype.itemsize
        for batch in (1, 4):
            for checkpointing in (True, False):
                room = activations(dtype, batch, checkpointing=checkpointing)
                total = base + room + trained * _BYTES_A_TRAINED_WEIGHT
                print(
                    f"{dtype}, batch {batch}, checkpointing {checkpointing}: base "
                    f"{base / 1e9:.2f} + activations {room / 1e9:.2f}, in all {total / 1e9:.2f} GB"
                )


if __name__ == "__main__":
    main()
