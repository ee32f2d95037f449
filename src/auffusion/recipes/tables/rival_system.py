"""A baseline as a system of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import torch

from auffusion.baselines import BaselineEntry, ListedSound, find_baseline, generate_list
from auffusion.baselines import load_baseline as load
from auffusion.baselines.catalogue import Repository
from auffusion.baselines.parts import quiet
from auffusion.errors import InputError
from auffusion.hub import HubOptions, fetch_repository
from auffusion.recipes.tables.items import item_seed
from auffusion.recipes.tables.needs import Equipment, Need, found_or_lacking
from auffusion.recipes.tables.systems import Job, Sampling, check_title


@dataclass(frozen=True, kw_only=True)
class RivalSystem:
    """A rival, sampled as the catalogue of baselines says."""

    title: str
    """What the row is called."""
    paper: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: {})
    """What the paper prints, by list."""
    baseline: str
    """Its name in `auffusion baseline list`."""
    model: str = ""
    """A folder with its files; empty is the published repository."""
    how: str = ""
    """How such a folder is had."""
    steps: int | None = None
    """Denoising steps; this and the next are the catalogue's where they are not given."""
    length_s: float | None = None
    """Seconds of each sound."""
    seconds: float = 0.0
    """Of an accelerator for one sound, as an estimate."""

    def __post_init__(self) -> None:
        check_title(self.title)
        find_baseline(self.baseline)

    @property
    def left_out(self) -> str:
        """See `System`."""
        return ""

    def needs(self, equipment: Equipment) -> Iterator[Need]:
        """See `System`."""
        entry = find_baseline(self.baseline)
        code = found_or_lacking("package", f"code of {entry.name}", lambda: _import(entry))
        if code.missing:
            yield code
        if self.model:
            how = f"there is no such folder{self.how and f'; {self.how}'}"
            lack = "" if Path(self.model).is_dir() else how
            yield Need(kind="model", what=self.model, lack=lack)
        else:
            yield _published(entry, entry.weights, equipment)
        for name, part in entry.companions.items():
            if not (self.model and (Path(self.model) / name).is_dir()):
                yield _published(entry, part, equipment)

    def gpu_seconds(self, sampling: Sampling, seconds_a_step: float) -> float:
        """See `System`."""
        del sampling, seconds_a_step
        return self.seconds

    def make(self, jobs: Sequence[Job], equipment: Equipment) -> None:
        """See `System`."""
        loaded = load(
            self.baseline,
            model=self.model or None,
            device=equipment.device,
            dtype=getattr(torch, jobs[0].sampling.dtype),
            steps=self.steps,
            length_s=self.length_s,
            download=equipment.download,
        )
        for job in jobs:
            rows = [
                ListedSound(
                    id=item.name,
                    prompt=item.caption,
                    seed=item_seed(job.sampling.seed, item.name),
                )
                for item in job.items
            ]
            generate_list(loaded, rows, job.folder, job.on_sound)


def fetch_published(entry: BaselineEntry) -> None:
    """Download a baseline's files, and those of what it speaks through.

    Raises:
        InputError: they cannot be had.
    """
    for part in (entry.weights, *entry.companions.values()):
        fetch_repository(part.id, HubOptions(), part.needed)


def _import(entry: BaselineEntry) -> None:
    try:
        with quiet():
            import_module(entry.home.partition(":")[0])
    except ImportError as error:
        raise InputError(f"{error}: install auffusion[baselines]") from error


def _published(entry: BaselineEntry, part: Repository, equipment: Equipment) -> Need:
    def find() -> None:
        if not part.id:
            raise InputError("nobody has published weights: name a folder by model")
        try:
            fetch_repository(part.id, HubOptions(local_files_only=True), part.needed)
        except InputError as error:
            size = f"{entry.size_gb} GB with what belongs to it, {entry.license}"
            raise InputError(f"not on this machine; --download fetches it ({size})") from error

    what = part.id or entry.name
    return found_or_lacking("model", what, find, fetched=equipment.download and bool(part.id))
