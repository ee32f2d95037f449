"""What a rival system is given and what it gives back."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from auffusion.errors import InputError
from auffusion.shapes import Waveform

SAMPLE_RATE = 16_000
"""Samples a second of all that baselines give: the rate at which the paper measures."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a sound is made, besides its prompt and its seed."""

    steps: int | None
    """Denoising steps; None for a system that has none."""
    guidance: float
    """Guidance scale as its authors count it: 1 is none."""
    length_s: float
    """Seconds of sound."""

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise InputError(f"steps is {self.steps}, expected 1 or more")
        # Written so that NaN fails too.
        if not 0 <= self.guidance < math.inf:
            raise InputError(f"guidance is {self.guidance}, expected 0 or more")
        if not 0 < self.length_s < math.inf:
            raise InputError(f"length is {self.length_s}, expected seconds above 0")

    @property
    def samples(self) -> int:
        """Samples of sound at 16 kHz."""
        return max(1, round(self.length_s * SAMPLE_RATE))


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a rival's published files are, and where its networks are to run."""

    folder: Path
    """Its own files."""
    companions: Mapping[str, Path]
    """Folders of models by others that it speaks through, such as a text encoder."""
    device: torch.device
    """Of the networks."""
    dtype: torch.dtype
    """Precision of the networks."""


@runtime_checkable
class Rival(Protocol):
    """A loaded system, as its file gives it: one sound at a time, at its own rate."""

    sample_rate: int
    """Samples a second of its sounds."""

    def sound(self, prompt: str, generator: torch.Generator, sampling: Sampling) -> Waveform:
        """A sound at `sample_rate`, a row a channel, at least as long as was asked for.

        Args:
            prompt: what to hear.
            generator: a seeded one on the CPU, from which all randomness comes.
            sampling: checked against what the system can do.
        """
        ...


@runtime_checkable
class Baseline(Protocol):
    """Prompts to sounds, whatever the system."""

    def __call__(self, prompts: Sequence[str], seeds: Sequence[int]) -> Waveform:
        """A mono sound at 16 kHz for each prompt; it depends on its own prompt and seed alone."""
        ...
