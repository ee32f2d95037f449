"""What a system of a table is: something that makes a sound for each caption."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from auffusion.errors import InputError
from auffusion.recipes.tables.items import Item
from auffusion.recipes.tables.needs import Equipment, Need

OnSound = Callable[[Path, bool], object]
"""Told of each file, and whether it had to be made."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The `[sampling]` table: how our models make sounds, where a system says nothing else."""

    steps: int = 100
    """Denoising steps."""
    guidance: float = 7.5
    """Guidance scale s (the paper's w + 1)."""
    scheduler: str = "pndm"
    """Sampler."""
    length_s: float = 10.0
    """Seconds."""
    dtype: str = "float32"
    """Precision of the networks, rivals' too."""
    seed: int = 42
    """The seed of an item is made of this one and its name."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The sounds of one list, to be made by one system."""

    items: Sequence[Item]
    """What is asked for."""
    folder: Path
    """Where the sounds go, `NAME.wav`; it exists."""
    recordings: Path
    """Folder of the recordings, under the same names."""
    sampling: Sampling
    """Of the table."""
    others: Mapping[str, Path] = field(default_factory=lambda: {})
    """Folders of the systems before this one, by their names in the table."""
    on_sound: OnSound = lambda _, __: None
    """Told of each file."""

    def path_of(self, item: Item) -> Path:
        """The file of an item."""
        return self.folder / f"{item.name}.wav"

    def recording_of(self, item: Item) -> Path:
        """The recording of an item."""
        return self.recordings / f"{item.name}.wav"


@runtime_checkable
class System(Protocol):
    """A row of a table."""

    @property
    def title(self) -> str:
        """What the row is called."""
        ...

    @property
    def paper(self) -> Mapping[str, tuple[float, ...]]:
        """What the paper prints, by list."""
        ...

    @property
    def left_out(self) -> str:
        """Why there is no such row this time; empty where there is."""
        ...

    def needs(self, equipment: Equipment) -> Iterator[Need]:
        """What it cannot do without."""
        ...

    def gpu_seconds(self, sampling: Sampling, seconds_a_step: float) -> float:
        """An estimate for one sound; 0 for what needs no accelerator.

        Args:
            sampling: of the table.
            seconds_a_step: of one of the paper's models.
        """
        ...

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """Make the sounds of all jobs; what is there and is right stays.

        Raises:
            InputError: what the system refuses, or a file that cannot be written.
        """
        ...


def check_title(title: str) -> None:
    """Refuse a system that has no name to stand in a table.

    Raises:
        InputError: it has none.
    """
    if not title.strip():
        raise InputError("a system has no title: name it as its row is to be called")
