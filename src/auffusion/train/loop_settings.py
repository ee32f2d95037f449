"""What every training run can be told, whatever it trains."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auffusion.errors import InputError

Precision = Literal["float32", "bfloat16", "float16"]
Tracker = Literal["tensorboard", "wandb", "none"]


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """The `[loop]` table of a configuration."""

    steps: int = 100_000
    """Optimiser steps (paper, B.2)."""
    batch: int = 20
    """Examples of a step, over all processes (paper, B.2)."""
    micro_batch: int = 0
    """Examples that a process computes at once; gradients of several are added up. 0 is the
    process's whole share."""
    learning_rate: float = 3e-5
    """The peak rate (paper, B.2)."""
    warmup: int = 0
    """Steps of linear rise."""
    decay_from: float = 1.0
    """Share of the run after which the rate falls along a cosine to nothing; 1 is constant."""
    half_life: int = 0
    """Steps in which the rate halves, from the first step on; 0 never halves it."""
    beta1: float = 0.9
    """AdamW's memory of gradients."""
    beta2: float = 0.999
    """AdamW's memory of their squares."""
    weight_decay: float = 0.01
    """AdamW's decay."""
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are shortened. 0 leaves them."""
    average_decay: float = 0.9999
    """Decay of the running average of the weights, which is what is exported; 0 keeps none."""
    precision: Precision = "float32"
    """What the networks compute in; weights and averages stay in float32."""
    compile: bool = False
    """Compile the networks (`torch.compile`): minutes at the start, faster steps on a GPU."""
    seed: int = 0
    """Seed of all draws."""
    save_every: int = 1000
    """Steps between checkpoints."""
    keep: int = 2
    """Checkpoints that stay."""
    listen_every: int = 0
    """Steps between pages of sounds; 0 makes one at the end only."""
    most_bad_steps: int = 20
    """So many steps in a row with NaN or infinity, which are left out, end the run."""
    tracker: Tracker = "tensorboard"
    """Where curves go besides log.jsonl."""
    peak_tflops: float = 0.0
    """What one device computes at most, for MFU; 0 takes the maker's figure where it is known."""
    threads: int = 0
    """Threads of a process on a CPU while it trains; 0 leaves it to torch."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every", "most_bad_steps", "keep"):
            if getattr(self, name) < 1:
                raise InputError(f"loop.{name} is {getattr(self, name)}: choose 1 or more")
        for name in (
            "micro_batch",
            "warmup",
            "half_life",
            "listen_every",
            "threads",
            "peak_tflops",
            "clip",
            "weight_decay",
        ):
            if not getattr(self, name) >= 0:
                raise InputError(f"loop.{name} is {getattr(self, name)}: choose 0 or more")
        for name in ("beta1", "beta2", "average_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"loop.{name} is {getattr(self, name)}: choose 0 up to below 1")
        for name in ("steps", "seed"):
            # Numbers of steps and seeds are counted in 64 bits.
            if not 0 <= getattr(self, name) < 1 << 40:
                raise InputError(f"loop.{name} is {getattr(self, name)}: choose 0 up to 2^40")
        if not 0 <= self.decay_from <= 1:
            raise InputError(f"loop.decay_from is {self.decay_from}: choose 0 to 1")
        if self.weight_decay == float("inf"):
            raise InputError("loop.weight_decay is infinite: choose a small number, such as 0.01")
        if not 0 < self.learning_rate < 1:
            raise InputError(f"loop.learning_rate is {self.learning_rate}: choose 0 to 1")

    def rate(self, step: int) -> float:
        """The learning rate of a step.

        >>> LoopSettings(steps=100, learning_rate=0.5, warmup=10).rate(4)
        0.25
        """
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        start = self.decay_from * self.steps
        done = max(0.0, (step - start) / max(1.0, self.steps - start))
        fall = 0.5 ** (step / self.half_life) if self.half_life else 1.0
        fall *= 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, done))))
        return self.learning_rate * rise * fall

    def micro_batches(self, world: int) -> tuple[int, int]:
        """(examples that a process computes at once, how many times in a step).

        Raises:
            InputError: the batch does not divide among the processes, or their shares into micro
                batches.
        """
        share, left = divmod(self.batch, world)
        if left:
            raise InputError(
                f"loop.batch is {self.batch}, which {world} processes cannot share: choose a "
                f"multiple of {world}"
            )
        micro = self.micro_batch or share
        if share % micro:
            raise InputError(
                f"loop.micro_batch is {micro}, but a process has {share} examples a step: choose "
                "a divisor"
            )
        return micro, share // micro
