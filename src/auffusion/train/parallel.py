"""Several processes as one: each computes its own slots, all take the same step."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

# Gradients travel in messages of this many numbers: one a tensor would be slow, all at once would
# need as much memory again.
_MESSAGE = 32 << 20


@dataclass(frozen=True, kw_only=True)
class Group:
    """The processes of a run."""

    rank: int
    """Number of this one."""
    world: int
    """How many there are."""

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.world > 1:
            dist.barrier()

    def any(self, mine: bool) -> bool:
        """Whether any process says yes."""
        if self.world == 1:
            return mine
        told = torch.tensor(float(mine), device=_device())
        dist.all_reduce(told)
        return bool(told > 0)

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean over all processes of each value."""
        if self.world == 1:
            return dict(values)
        told = torch.tensor(list(values.values()), dtype=torch.float64, device=_device())
        dist.all_reduce(told)
        return {name: float(total) / self.world for name, total in zip(values, told, strict=True)}


def join_group() -> Group:
    """The group that `torchrun` or `accelerate launch` announces, or this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Group(rank=0, world=1)
    if not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Group(rank=dist.get_rank(), world=dist.get_world_size())


def local_device(device: str) -> str:
    """The device of this process: with several, each has an accelerator of its own."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return device


def average_gradients(network: nn.Module, group: Group) -> None:
    """Replace each gradient by its mean over the group."""
    if group.world == 1:
        return
    waiting: list[Tensor] = []
    for parameter in network.parameters():
        if parameter.grad is None:
            continue
        waiting.append(parameter.grad)
        if sum(gradient.numel() for gradient in waiting) >= _MESSAGE:
            _average(waiting, group.world)
            waiting = []
    if waiting:
        _average(waiting, group.world)


def _average(gradients: list[Tensor], world: int) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    means: tuple[Tensor, ...] = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def _device() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
