"""Several processes as one: each draws its own items, all take the same step."""

import os

import torch
import torch.distributed as dist
from torch import Tensor, nn


def join_group() -> tuple[int, int]:
    """(rank, world size); joins the group that `torchrun` announces, if one is announced."""
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank(), dist.get_world_size()


def average_gradients(network: nn.Module) -> None:
    """Replace each gradient by its mean over the group; one message a step, not one a tensor."""
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    sizes = [gradient.numel() for gradient in gradients]
    means: tuple[Tensor, ...] = torch.split(flat, sizes)
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
