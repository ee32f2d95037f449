"""What a rival system is given and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from auffusion.baselines.sampling import Sampling
from auffusion.shapes import Waveform


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
