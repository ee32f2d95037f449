"""Systems without a model: the recordings themselves, silence, and sounds of other captions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auffusion.errors import InputError
from auffusion.evaluate.controls import derangement, write_silence
from auffusion.evaluate.pairing import make_listing
from auffusion.files import write_file
from auffusion.recipes.tables.needs import Equipment, Need
from auffusion.recipes.tables.systems import Job, Sampling, check_title


@dataclass(frozen=True, kw_only=True)
class _Plain:
    """What they have in common: they need nothing."""

    title: str
    """What the row is called."""
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: {})
    """What the paper prints, by list."""

    def __post_init__(self) -> None:
        check_title(self.title)

    @property
    def left_out(self) -> str:
        """See `System`."""
        return ""

    def needs(self, equipment: Equipment) -> Iterator[Need]:
        """See `System`."""
        del equipment
        yield from ()

    def gpu_seconds(self, sampling: Sampling, seconds_a_step: float) -> float:
        """See `System`."""
        del sampling, seconds_a_step
        return 0.0


@dataclass(frozen=True, kw_only=True)
class RecordingsSystem(_Plain):
    """The recordings themselves: ground truth."""

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        del equipment
        for job in jobs:
            for item in job.items:
                job.on_sound(job.path_of(item), _copy(job.recording_of(item), job.path_of(item)))


@dataclass(frozen=True, kw_only=True)
class SilenceSystem(_Plain):
    """Silence, as long as each recording."""

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        del equipment
        for job in jobs:
            recordings = [job.recording_of(item) for item in job.items]
            write_silence(job.folder, make_listing(str(job.recordings), recordings).sounds)
            for item in job.items:
                job.on_sound(job.path_of(item), True)


@dataclass(frozen=True, kw_only=True)
class ShuffledSystem(_Plain):
    """Sounds of another system, each in the place of another caption's."""

    of: str
    """That system, which stands before this one."""
    seed: int = 0
    """Of the order, in which no sound keeps its place."""

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        del equipment
        for job in jobs:
            if self.of not in job.others:
                raise InputError(
                    f"{self.title} needs the sounds of {self.of}, which must stand before it and "
                    "be among the chosen systems"
                )
            order = derangement(len(job.items), self.seed)
            for place, item in zip(order.tolist(), job.items, strict=True):
                source = job.others[self.of] / f"{job.items[place].name}.wav"
                job.on_sound(job.path_of(item), _copy(source, job.path_of(item)))


def _copy(source: Path, target: Path) -> bool:
    data = source.read_bytes()
    if target.is_file() and target.read_bytes() == data:
        return False
    write_file(target, data)
    return True
