"""What every system is asked to make: a sound for each caption of a list."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

from auffusion.audio.writer import Samples, encode_audio
from auffusion.data.clips import SAMPLE_RATE
from auffusion.errors import InputError
from auffusion.files import write_file
from auffusion.recipes.tables.needs import Need
from auffusion.studio.settings import HIGHEST_SEED

RATE = SAMPLE_RATE
"""Of recordings and sounds, in Hz."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One caption."""

    name: str
    """Of its files, without the ending."""
    caption: str
    """What is asked for."""


@runtime_checkable
class CaptionList(Protocol):
    """Captions with the recordings that they describe."""

    @property
    def title(self) -> str:
        """In tables."""
        ...

    @property
    def expected(self) -> int | None:
        """How many captions there are to be, where that is known without the data."""
        ...

    def needs(self) -> Iterator[Need]:
        """What it cannot do without."""
        ...

    def items(self) -> tuple[Item, ...]:
        """The captions, sorted by name.

        Raises:
            InputError: data or list are not here, or do not belong together.
        """
        ...

    def write_recordings(self, folder: Path) -> None:
        """For each caption its recording, 16 kHz mono, under its name.

        Raises:
            InputError: as for `items`, or a file cannot be written.
        """
        ...


def item_seed(seed: int, name: str) -> int:
    """The seed of an item: of its name, not of its place, so that it is the same in every list.

    >>> item_seed(42, "Yb0RFKhbpFJA_30"), item_seed(43, "Yb0RFKhbpFJA_30")
    (3556009783, 3556009784)
    """
    named = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    return (named + seed) % (HIGHEST_SEED + 1)


def sorted_items(items: Iterable[Item], source: str) -> tuple[Item, ...]:
    """Items in the order of their names.

    Raises:
        InputError: a name twice, or none at all.
    """
    found = tuple(sorted(items, key=lambda item: item.name))
    names = [item.name for item in found]
    doubled = next((a for a, b in pairwise(names) if a == b), None)
    if not found or doubled:
        fault = f"has the clip {doubled} twice" if doubled else "holds no caption"
        raise InputError(f"{source} {fault}")
    return found


def captions_of(items: Sequence[Item]) -> dict[str, str]:
    """Captions by name."""
    return {item.name: item.caption for item in items}


def write_recording(folder: Path, item: Item, samples: Samples) -> None:
    """Write an item's recording, unless its file holds just that.

    Raises:
        InputError: it cannot be written.
    """
    path, data = folder / f"{item.name}.wav", encode_audio("wav", samples, sample_rate=RATE)
    if not path.is_file() or path.read_bytes() != data:
        write_file(path, data)
