"""Captions of a prepared data set: a whole split, or the clips of a published list."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.recipes.tables.items import RATE, Item, sorted_items, write_recording
from auffusion.recipes.tables.needs import Need, found_or_lacking
from auffusion.recipes.tables.published_list import (
    PUBLISHED_LISTS,
    ListedVideo,
    read_published_list,
)

_MILLISECONDS = 1000


@dataclass(frozen=True, kw_only=True)
class ClipList:
    """Clips of a prepared data set."""

    title: str
    """In tables."""
    data: Path
    """Folder of `auffusion data prepare`."""
    split: str = "test"
    """Which of its clips."""
    named: str = ""
    """A published list (`auffusion-761`, `audioldm-964`, `tango-886`), whose clips and captions are
    taken; empty is the whole split."""
    file: Path | None = None
    """Where the file of that list is."""
    caption: int = 1
    """Without such a list, which caption of each clip is asked for, from 1."""
    first_s: float | None = None
    """Seconds of a recording that count; none is all of it."""
    clips: int | None = None
    """How many clips there are to be."""
    allow_missing: int = 0
    """So many of them may be gone from the data set; they are left out."""
    how: str = ""
    """How the data set is had, for whom reads that it is missing."""

    def __post_init__(self) -> None:
        if self.caption < 1 or self.allow_missing < 0 or not (self.first_s or 1.0) > 0:
            raise InputError(
                f"a list takes caption 1 or later, seconds above 0, and 0 or more missing clips, "
                f"not {self.caption}, {self.first_s} and {self.allow_missing}"
            )

    @property
    def expected(self) -> int | None:
        """See `CaptionList`."""
        known = PUBLISHED_LISTS.get(self.named)
        return self.clips if known is None else known.clips

    def needs(self) -> Iterator[Need]:
        """See `CaptionList`."""
        data = found_or_lacking("data", str(self.data), lambda: self._data)
        yield replace(data, lack=f"{data.lack}: {self.how}") if data.lack and self.how else data
        if self.named:
            listed = found_or_lacking("list", self.named, lambda: self._rows)
            yield listed
            if listed.lack:
                return
        if not data.lack:
            yield found_or_lacking("captions", self.title, self.items)

    def items(self) -> tuple[Item, ...]:
        """See `CaptionList`."""
        return sorted_items(self._numbered.values(), self.title)

    def write_recordings(self, folder: Path) -> None:
        """See `CaptionList`."""
        most = None if self.first_s is None else round(self.first_s * RATE)
        for number, item in self._numbered.items():
            write_recording(folder, item, self._data.samples(number)[:most])

    @cached_property
    def _data(self) -> PreparedData:
        return PreparedData(self.data)

    @cached_property
    def _rows(self) -> list[ListedVideo]:
        return read_published_list(self.named, self.file or Path(self.named))

    @cached_property
    def _numbered(self) -> dict[int, Item]:
        """Items by the number of their clip."""
        numbers = self._data.of_split(self.split)
        if self.named:
            return self._of_list(numbers)
        if self.clips is not None and abs(len(numbers) - self.clips) > self.allow_missing:
            raise InputError(
                f"{self.data} has {len(numbers)} {self.split} clips where {self.clips} were "
                f"expected: prepare it whole, or allow_missing = {abs(len(numbers) - self.clips)}"
            )
        return {number: self._own(number) for number in numbers}

    def _of_list(self, numbers: range) -> dict[int, Item]:
        found, gone = _matched(self._rows, _Videos.of(self._data, numbers))
        if len(gone) > self.allow_missing:
            raise InputError(
                f"{len(gone)} clips of the list {self.named} are not in {self.data}, "
                f"{gone[0]} first: fetch them, or measure without them by "
                f"allow_missing = {len(gone)}"
            )
        return found

    def _own(self, number: int) -> Item:
        clip = self._data.clip(number)
        if len(clip.captions) < self.caption:
            raise InputError(f"{clip.id} of {self.data} has no caption {self.caption}")
        return Item(name=clip.id, caption=clip.captions[self.caption - 1])


@dataclass(frozen=True, kw_only=True)
class _Videos:
    """Clips of a data set by video."""

    clips: dict[str, dict[int | None, int]] = field(default_factory=lambda: {})
    """Of each YouTube id, the number of the clip that begins at each second."""

    @classmethod
    def of(cls, data: PreparedData, numbers: range) -> "_Videos":
        found: dict[str, dict[int | None, int]] = {}
        for number in numbers:
            clip = data.clip(number)
            start = clip.extra.get("youtube_start_s")
            video = clip.origin.removeprefix("youtube:")
            found.setdefault(video, {})[None if start is None else int(start)] = number
        return cls(clips=found)

    def find(self, row: ListedVideo) -> int | None:
        """The clip of a row: its video, and its start where the video has several clips."""
        for video in row.ids:
            starts = self.clips.get(video, {})
            if len(starts) == 1:
                return next(iter(starts.values()))
            for start in (row.start_s, (row.start_s or 0) // _MILLISECONDS):
                if start in starts:
                    return starts[start]
        return None


def _matched(rows: list[ListedVideo], videos: _Videos) -> tuple[dict[int, Item], list[str]]:
    found: dict[int, Item] = {}
    gone: list[str] = []
    for row in rows:
        number = videos.find(row)
        if number is None:
            gone.append(row.stem)
        elif number in found:
            raise InputError(f"{row.stem} and {found[number].name} of a list are the same clip")
        else:
            found[number] = Item(name=row.stem, caption=row.caption)
    return found, gone
