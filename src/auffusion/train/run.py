"""What every training run shares: its folder, its log, its average weights, its checkpoints."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from auffusion.errors import InputError
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

        >>> Schedule(steps=100, learning_rate=1.0, warmup=10).rate(5)
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


class Run:
    """A folder with `log.jsonl`, the settings, and the newest checkpoint.

    A checkpoint is one safetensors file, written beside and renamed: an interrupted run finds
    the last whole one.
    """

    def __init__(self, folder: Path, settings: object) -> None:
        self.rank, self.world = join_group()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.seed = int(getattr(settings, "seed", 0))
        plain = asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else {}
        (folder / "settings.json").write_text(json.dumps(plain, indent=2, default=str) + "\n")
        self.began = time.monotonic()
        self.before_s = 0.0

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
        line = {"step": step, "seconds": round(self.elapsed_s, 1)}
        line |= {name: float(f"{value:.6g}") for name, value in values.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def save(
        self, step: int, network: nn.Module, average: ExponentialAverage, optimiser: torch.optim.Optimizer
    ) -> None:
        """Write the state after so many steps."""
        if self.rank:
            return
        tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in average.weights.items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        partial = self.folder / "checkpoint.safetensors.tmp"
        notes = {"step": str(step), "seconds": f"{self.elapsed_s:.1f}"}
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata=notes)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(self.folder / "checkpoint.safetensors")

    def restore(
        self, network: nn.Module, average: ExponentialAverage, optimiser: torch.optim.Optimizer
    ) -> int:
        """Take up the newest checkpoint, if there is one; returns the next step."""
        path = self.folder / "checkpoint.safetensors"
        if not path.is_file():
            return 0
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            notes = file.metadata()
        network.load_state_dict(_under(tensors, "network"))
        average.weights = _under(tensors, "average")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(tensors, "optimiser").items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
        groups: list[dict[str, Any]] = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.before_s = float(notes["seconds"])
        return int(notes["step"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) + 1 :]: v for k, v in tensors.items() if k.startswith(f"{prefix}.")}


def adamw(parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW as all runs use it."""
    return torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=True
    )


def step_optimiser(
    optimiser: torch.optim.Optimizer, network: nn.Module, rate: float, *, clip: float = 1.0
) -> float:
    """One clipped step at a learning rate; returns the gradient's norm before clipping."""
    average_gradients(network)
    for group in optimiser.param_groups:
        group["lr"] = rate
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip))
    # A batch that gives NaN or infinity is left out: one bad step ends a run otherwise.
    if np.isfinite(norm):
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return norm
