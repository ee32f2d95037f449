"""What every training run shares: its folder, its log, its average weights, its checkpoints."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import Field, asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from auffusion.errors import InputError
from auffusion.train.checkpoint import (
    optimiser_tensors,
    read_checkpoint,
    restore_optimiser,
    under,
    write_checkpoint,
)
from auffusion.train.parallel import average_gradients, join_group


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long a run lasts and how its learning rate moves."""

    steps: int
    """Optimiser steps."""
    learning_rate: float
    """The peak rate."""
    warmup: int = 100
    """Steps of linear rise."""
    decay_from: float = 0.0
    """Share of the run after which the rate falls along a cosine to nothing; 1 never decays."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}: a training run needs at least one")

    def rate(self, step: int) -> float:
        """The learning rate of a step.

        >>> Schedule(steps=100, learning_rate=1.0, warmup=10, decay_from=1.0).rate(5)
        0.6
        """
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        start = self.decay_from * self.steps
        done = max(0.0, (step - start) / max(1.0, self.steps - start))
        return self.learning_rate * rise * 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, done))))


class ExponentialAverage:
    """Running average of a network's weights; early on it follows them more closely."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the present weights."""
        # A short memory at first, or the random start lingers in a short run.
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1.0 - decay)
            else:
                self.weights[name].copy_(value)


@runtime_checkable
class RunSettings(Protocol):
    """A dataclass with all that a run depends on besides its data."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def seed(self) -> int:
        """Seed of all draws."""
        ...


class Run:
    """A folder with `log.jsonl`, `settings.json` and the newest `checkpoint.safetensors`.

    An interrupted run goes on from its checkpoint and ends with the same weights and the same log
    as one that was never interrupted, bit for bit.
    """

    def __init__(self, folder: Path, settings: RunSettings) -> None:
        group = join_group()
        self.rank, self.world = group.rank, group.world
        self.log_file = folder / "log.jsonl"
        self.checkpoint = folder / "checkpoint.safetensors"
        self.seed = settings.seed
        self.began = time.monotonic()
        self.before_s = 0.0
        self.saved_step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if not self.rank:
            plain = json.dumps(asdict(settings), indent=2)
            (folder / "settings.json").write_text(f"{plain}\n", encoding="utf-8")

    def generator(self, step: int) -> torch.Generator:
        """The noise of a step in this process: a resumed run draws what it would have drawn."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + step * self.world + self.rank)

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, earlier sittings included."""
        return self.before_s + time.monotonic() - self.began

    def log(self, step: int, **values: float) -> None:
        """Append a line; the first process of a group speaks for all."""
        if self.rank:
            return
        line: dict[str, float | None] = {"step": step, "seconds": round(self.elapsed_s, 1)}
        # JSON knows no NaN.
        line |= {k: float(f"{v:.6g}") if np.isfinite(v) else None for k, v in values.items()}
        with self.log_file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def save(
        self,
        step: int,
        network: nn.Module,
        average: ExponentialAverage,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        """Write the state after so many steps, unless that or a later one is already there.

        Raises:
            InputError: the disk is full or the folder may not be written to.
        """
        if self.rank or step <= self.saved_step:
            return
        tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in average.weights.items()}
        tensors |= {f"optimiser.{k}": v for k, v in optimiser_tensors(optimiser).items()}
        logged = self.log_file.stat().st_size if self.log_file.is_file() else 0
        notes = {"step": str(step), "seconds": f"{self.elapsed_s:.1f}", "log_bytes": str(logged)}
        write_checkpoint(self.checkpoint, tensors, notes)
        self.saved_step = step

    def restore(
        self, network: nn.Module, average: ExponentialAverage, optimiser: torch.optim.Optimizer
    ) -> int:
        """Take up the newest checkpoint, if there is one; returns the next step.

        Raises:
            InputError: the checkpoint is damaged, or of another network.
        """
        if not self.checkpoint.is_file():
            self._cut_log(0)
            return 0
        tensors, notes = read_checkpoint(self.checkpoint)
        try:
            network.load_state_dict(under(tensors, "network"))
        except RuntimeError as error:
            raise InputError(
                f"{self.checkpoint} is of another network: name another folder, or delete it"
            ) from error
        average.weights = under(tensors, "average")
        restore_optimiser(optimiser, under(tensors, "optimiser"))
        self.before_s = float(notes["seconds"])
        if "log_bytes" in notes:
            self._cut_log(int(notes["log_bytes"]))
        self.saved_step = int(notes["step"])
        return self.saved_step

    def _cut_log(self, size: int) -> None:
        # Steps after the checkpoint are taken again, and would stand in the log twice.
        if not self.rank and self.log_file.is_file() and self.log_file.stat().st_size > size:
            os.truncate(self.log_file, size)


def adamw(
    parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> torch.optim.AdamW:
    """AdamW as all runs use it."""
    return torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True
    )


def step_optimiser(
    optimiser: torch.optim.Optimizer, network: nn.Module, rate: float, *, clip: float = 1.0
) -> float:
    """One clipped step at a learning rate; returns the gradient's norm before clipping."""
    average_gradients(network, join_group())
    for group in optimiser.param_groups:
        group["lr"] = rate
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip))
    # A batch that gives NaN or infinity is left out: one bad step ends a run otherwise.
    if np.isfinite(norm):
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return norm
