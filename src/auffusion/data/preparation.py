"""A data set, from its published files to tar shards and a manifest (paper §4.1, App. A).

The driver reads the set's lists and deals its clips out in units of one shard each; workers decode,
cut and write the shards, in any order and on any machine. A unit whose shard is there, matches its
recorded hash and was made of the same clips by the same rules is not made again: kill the run
anywhere, start it again, and the bytes are those of a run that was never killed.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import soundfile

from auffusion.data.assembling import FACTS, PreparedFacts, assemble
from auffusion.data.listing import DataSet
from auffusion.data.shard_worker import PARTS, SHARDS, MakeShardWorker
from auffusion.data.units import deal
from auffusion.errors import InputError
from auffusion.executor.contract import Executor, Outcome, Status
from auffusion.executor.outputs import LOCK_NAME, locked, sweep
from auffusion.files import write_file

SHARD_CLIPS = 256
"""Clips of a shard; thirty seconds each make some hundred megabytes."""

_CLAIM = "dataset.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost, and how much may be bad."""

    seconds: float = 60.0
    """To decode one file."""
    memory_mb: int = 1024
    """To decode one file, besides the decoder itself."""
    max_bad_fraction: float = 0.05
    """Share of clips that may be left out for a fault (short, missing or repeated is none)."""
    max_missing_fraction: float = 1.0
    """Share of clips that may be missing; at 1 a single clip is enough."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is prepared, and into what."""

    data_set: DataSet
    """What."""
    source: Path
    """Folder of the published files."""
    output: Path
    """Folder for shards and manifest."""
    shard_clips: int = SHARD_CLIPS
    """Clips of a shard."""
    limits: Limits = field(default_factory=Limits)
    """What one file may cost, and how much may be bad."""

    def __post_init__(self) -> None:
        if self.shard_clips < 1:
            raise InputError(f"a shard of {self.shard_clips} clips is none: choose 1 or more")

    def run(
        self, executor: Executor, on_shard: Callable[[Outcome], None] = lambda _: None
    ) -> PreparedFacts:
        """Prepare, or finish what an earlier run began.

        Args:
            executor: who does the work.
            on_shard: told of every shard as it is done.

        Raises:
            InputError: the source is not what it should be, the output belongs to another data
                set or another run, too much is bad, or the disk is full.
        """
        self._check_folders()
        with locked(self.output), TemporaryFile() as rejects:
            self._claim()
            units = self._make_shards(executor, rejects, on_shard)
            limits = self.limits.max_bad_fraction, self.limits.max_missing_fraction
            facts = assemble(
                self.output,
                units,
                rejects,
                self._about(),
                limits,
                attributed=self.data_set.attributed,
            )
            shutil.rmtree(self._work)
        return facts

    @property
    def _work(self) -> Path:
        return self.output / "work"

    def _check_folders(self) -> None:
        if not self.source.is_dir():
            raise InputError(
                f"there is no folder {self.source}: {self.data_set.name} needs "
                f"{self.data_set.layout}"
            )
        if self.output.is_dir() and any(p.name != LOCK_NAME for p in self.output.iterdir()):
            claimed = _claimed(self.output)
            if claimed != self.data_set.name:
                held = f"the data set {claimed}" if claimed else "files that are not ours"
                raise InputError(
                    f"{self.output} holds {held}: choose an empty folder for {self.data_set.name}"
                )
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot create {self.output}: {error.strerror}") from error

    def _claim(self) -> None:
        # Until all is done there is no manifest: a reader never takes a part for the whole.
        (self.output / FACTS).unlink(missing_ok=True)
        write_file(self.output / _CLAIM, (json.dumps({"name": self.data_set.name}) + "\n").encode())
        for folder in (SHARDS, PARTS, self._work.name):
            (self.output / folder).mkdir(exist_ok=True)
        for folder in (self.output, self.output / SHARDS, self.output / PARTS):
            sweep(folder)

    def _make_shards(
        self, executor: Executor, rejects: BinaryIO, on_shard: Callable[[Outcome], None]
    ) -> list[str]:
        make_worker = MakeShardWorker(
            output=self.output.absolute(),
            dataset=self.data_set.name,
            rules=self.data_set.rules,
            seconds=self.limits.seconds,
            memory_mb=self.limits.memory_mb,
        )
        listing = self.data_set.read(self.source.absolute(), self._work.absolute())
        units = deal(listing, self.shard_clips, self._about(), rejects)
        made: list[str] = []
        failed: list[Outcome] = []
        for outcome in executor.map(make_worker, units):
            made.append(outcome.id)
            if outcome.status in {Status.FAILED, Status.REJECTED}:
                failed.append(outcome)
            on_shard(outcome)
        if failed:
            raise InputError(
                f"{len(failed)} of {len(made)} shards could not be made, {failed[0].id} first: "
                f"{failed[0].reason}; run the same command again to go on"
            )
        return made

    def _about(self) -> dict[str, Any]:
        """What decides the bytes of the shards besides the clips."""
        return {
            "format": _FORMAT,
            "name": self.data_set.name,
            "title": self.data_set.title,
            "homepage": self.data_set.homepage,
            "license": self.data_set.license,
            "rules": asdict(self.data_set.rules),
            "shard_clips": self.shard_clips,
            # Another decoder or resampler gives other samples.
            "versions": {
                "libsndfile": soundfile.__libsndfile_version__,
                **{name: version(name) for name in ("auffusion", "soxr", "numpy")},
            },
        }


def _claimed(output: Path) -> str:
    """The name of the data set that a folder belongs to; empty where it belongs to none."""
    try:
        return str(json.loads((output / _CLAIM).read_bytes())["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
