"""A running average of a network's weights: what is exported, because it sounds better."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def trained_tensors(module: nn.Module) -> dict[str, Tensor]:
    """What a run changes of a module: parameters that require gradients, and buffers.

    Buffers of frozen parts do not change and are small; parameters of frozen parts are neither.
    """
    trained = {name: p.detach() for name, p in module.named_parameters() if p.requires_grad}
    buffers = dict(module.named_buffers())
    kept = module.state_dict(keep_vars=True) if buffers else {}
    return trained | {name: buffer for name, buffer in buffers.items() if name in kept}


class ExponentialAverage:
    """w ← d·w + (1-d)·weights, with d = min(decay, (1 + step) / (10 + step)).

    The published checkpoints are such an average with decay 0.9999 (their U-Net's configuration
    says so); the smaller d at the start keeps the random beginning out, as diffusers' does.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.clone() for name, value in trained_tensors(module).items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the present weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = trained_tensors(module)
        floating = [name for name, value in now.items() if value.is_floating_point()]
        # One kernel for all tensors: launched one by one they would cost more than they compute.
        # torch has no public name for it; its own optimisers use this one.
        lerp: Any = vars(torch)["_foreach_lerp_"]
        lerp([self.weights[n] for n in floating], [now[n] for n in floating], 1.0 - decay)
        for name in now.keys() - set(floating):
            self.weights[name].copy_(now[name])

    @contextmanager
    def shown(self, module: nn.Module) -> Generator[None]:
        """The module with the averaged weights, until the end of the block."""
        now = {name: value.clone() for name, value in trained_tensors(module).items()}
        put_tensors(trained_tensors(module), self.weights)
        try:
            yield
        finally:
            put_tensors(trained_tensors(module), now)


@torch.no_grad()
def put_tensors(into: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """Copy tensors into others of the same names, all or none.

    Raises:
        ValueError: names or shapes are not the same.
    """
    for name in sorted(into.keys() ^ tensors.keys()):
        raise ValueError(f"{name} is only {'there' if name in tensors else 'in the network'}")
    for name, value in into.items():
        if value.shape != tensors[name].shape:
            raise ValueError(f"{name} is {[*tensors[name].shape]}, not {[*value.shape]}")
    for name, value in into.items():
        value.copy_(tensors[name])
