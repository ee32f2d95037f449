"""Captions of a library of short sounds, each with a scene composed of the sounds it describes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from auffusion.data.scenes import SceneComposer, Sound, load_sounds
from auffusion.errors import InputError
from auffusion.mel import normalise_peak
from auffusion.recipes.tables.items import (
    RATE,
    Item,
    item_seed,
    sorted_items,
    write_recording,
)
from auffusion.recipes.tables.needs import Need, found_or_lacking


@dataclass(frozen=True, kw_only=True)
class SceneList:
    """One scene for each different caption of a split."""

    title: str
    """In tables."""
    data: Path
    """Folder of `auffusion data prepare`."""
    split: str = "validation"
    """Which of its clips."""
    length_s: float = 5.12
    """Seconds of a scene, up to 10.24."""
    most: int | None = None
    """So many captions at most, those whose names come first; none is all."""
    seed: int = 0
    """Of the scenes."""
    how: str = ""
    """How the data set is had, for whom reads that it is missing."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.length_s <= 10.24 or (self.most or 1) < 1:
            raise InputError(
                f"scenes last 0.5 to 10.24 s and there is at least one, not {self.length_s} s and "
                f"{self.most}"
            )

    @property
    def expected(self) -> int | None:
        """See `CaptionList`."""
        try:
            return len(self.items())
        except InputError:
            return self.most

    def needs(self) -> Iterator[Need]:
        """See `CaptionList`."""
        found = found_or_lacking("data", str(self.data), self.items)
        yield replace(found, lack=f"{found.lack}: {self.how}") if found.lack and self.how else found

    def items(self) -> tuple[Item, ...]:
        """See `CaptionList`."""
        return sorted_items(self._chosen, self.title)

    def write_recordings(self, folder: Path) -> None:
        """See `CaptionList`."""
        for item in self._chosen:
            write_recording(folder, item, self._scene(item))

    def _scene(self, item: Item) -> torch.Tensor:
        composer = SceneComposer(self._takes[item.caption])
        samples, _ = composer.compose(item_seed(self.seed, item.name))
        # As loud as the sounds of a model, which knows one level only.
        return normalise_peak(
            torch.from_numpy(samples).float()[None, : round(self.length_s * RATE)]
        )

    @cached_property
    def _chosen(self) -> list[Item]:
        named = [
            Item(name=min(sound.clip.id for sound in takes), caption=caption)
            for caption, takes in self._takes.items()
        ]
        return sorted(named, key=lambda item: item.name)[: self.most]

    @cached_property
    def _takes(self) -> dict[str, list[Sound]]:
        """Sounds by their main caption."""
        sounds = load_sounds(self.data, self.split)
        if not sounds:
            raise InputError(f"{self.data} has no {self.split} clips")
        found: dict[str, list[Sound]] = defaultdict(list)
        for sound in sounds:
            found[sound.clip.captions[0]].append(sound)
        return found
