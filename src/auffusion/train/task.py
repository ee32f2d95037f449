"""What a training run asks of the thing that is trained.

The loop knows steps, slots, optimisers, averages and checkpoints; a task knows data, networks and
losses. A slot is a place in the global batch: all that a task draws for it is a function of (seed,
step, slot), so that neither the number of processes nor a restart changes what is learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Player:
    """A network with an optimiser of its own; an adversarial task has two."""

    name: str
    """`network`, `generator`, `discriminator` …"""
    module: nn.Module
    """Its parameters that require gradients are trained and kept; frozen ones are neither."""
    averaged: bool = True
    """Whether a running average of its weights is kept, and exported."""


@runtime_checkable
class Task(Protocol):
    """Something that can be trained."""

    @property
    def players(self) -> Sequence[Player]:
        """In the order in which they take their steps."""
        ...

    def draw(self, step: int, slots: range) -> Any:  # noqa: ANN401 - the task's own
        """The examples of some slots of a step, as one batch."""
        ...

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips in these slots, for what is said of a step that went wrong."""
        ...

    def losses(self, player: str, batch: Any, step: int) -> Mapping[str, Tensor]:  # noqa: ANN401
        """The terms that a player minimises the sum of, already weighted.

        None at all where it sits this step out. Only the player's own parameters may be given a
        gradient: those of others would be added to theirs.
        """
        ...

    def flops_per_example(self) -> float:
        """Operations of one example, forward and backward; 0 where nobody has counted."""
        ...

    def listen(self, step: int, folder: Path) -> None:
        """Write sounds and pictures that show where training stands into a new folder.

        The networks hold their averaged weights while it runs.
        """
        ...

    def export(self, folder: Path) -> None:
        """Write the finished model; the networks hold their averaged weights."""
        ...


@runtime_checkable
class Showcase(Protocol):
    """What becomes of the thing that a task trains; the task hands its own calls on."""

    def listen(self, step: int, folder: Path) -> None:
        """Write sounds and pictures that show where training stands into a new folder."""
        ...

    def export(self, folder: Path) -> None:
        """Write the finished model."""
        ...
