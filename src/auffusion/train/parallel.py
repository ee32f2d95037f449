"""Several processes as one: each computes its own slots, all take the same step."""

import atexit
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from auffusion.errors import InputError

T = TypeVar("T")

# Gradients travel in messages of this many numbers: one a tensor would be slow, all at once would
# need as much memory again.
_MESSAGE = 32 << 20
# The others wait while the first one saves, makes a page of sounds or exports. A process that died
# is noticed at once all the same: its connections close, and torchrun ends the rest.
_PATIENCE = timedelta(hours=2)


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

    def first_does(self, act: Callable[[], T]) -> T | None:
        """Let the first process do something while the others wait; only it has the result.

        Raises:
            InputError: it could not be done; all processes leave then.
        """
        result: T | None = None
        fault: InputError | None = None
        if self.first:
            try:
                result = act()
            except InputError as error:
                fault = error
        if self.any(fault is not None):
            raise fault or InputError("the run's first process cannot go on, and says why")
        return result

    def any(self, mine: bool) -> bool:
        """Whether any process says yes."""
        if self.world == 1:
            return mine
        told = torch.tensor(float(mine))
        dist.all_reduce(told)
        return bool(told > 0)

    def told(self, number: int) -> int:
        """The first process's number."""
        if self.world == 1:
            return number
        told = torch.tensor(number)
        dist.broadcast(told, 0)
        return int(told)

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the first one's values."""
        if self.world > 1:
            for tensor in tensors:
                # What is sent is memory, which must lie in the same order everywhere.
                sent = tensor.contiguous()
                dist.broadcast(sent, 0)
                tensor.copy_(sent)

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean over all processes of each value."""
        if self.world == 1:
            return dict(values)
        told = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(told)
        return {name: float(total) / self.world for name, total in zip(values, told, strict=True)}


def join_group() -> Group:
    """The group that `torchrun` or `accelerate launch` announces, or this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Group(rank=0, world=1)
    if not dist.is_initialized():
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        # Optimisers import this one with their first step; imported behind the next line it would
        # keep the group for ever, as a default of its functions' arguments.
        importlib.import_module("torch.distributed.nn.functional")
        # Gradients go by NCCL; words between processes are numbers on the CPU, which need no GPU
        # to stand still and wait for as long as it takes.
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=_PATIENCE)
        # A thread of the group that still has a tensor to give back at the interpreter's end would
        # abort the process. Not earlier: the same processes cannot join twice.
        atexit.register(dist.destroy_process_group)
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
    parameters = [p for p in network.parameters() if p.requires_grad]
    waiting: list[Tensor] = []
    size = 0
    for parameter, used in zip(parameters, _used(parameters), strict=True):
        if not used:
            continue
        # What this process's examples did not touch, another's may have.
        gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        parameter.grad = gradient
        waiting.append(gradient)
        size += gradient.numel()
        if size >= _MESSAGE:
            _average(waiting, group.world)
            waiting, size = [], 0
    if waiting:
        _average(waiting, group.world)


def _used(parameters: list[nn.Parameter]) -> list[bool]:
    """Which parameters have a gradient in any process."""
    told = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
    dist.all_reduce(told, dist.ReduceOp.MAX)
    return [bool(one) for one in told]


def _average(gradients: list[Tensor], world: int) -> None:
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world
    means: tuple[Tensor, ...] = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
