"""How caches of a prepared data set are computed: in blocks, by any executor, resumably.

A cache is keyed by what it was computed of: the clips' content, the part of the model that computes
it and the settings. What changes is computed again, what does not is kept.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch

from auffusion.data.blocks import (
    CACHE,
    Block,
    block_name,
    fingerprint,
    finish_cache,
    has_block,
    write_block,
)
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.executor.contract import Executor, MakeWorker, Outcome, Status, Unit
from auffusion.executor.outputs import locked, sweep

BLOCK_CLIPS = 32
"""Clips of a block: what a killed run loses at most."""

OnBlock = Callable[[Outcome], None]
"""Told of every block as it is done."""


@runtime_checkable
class Computer(Protocol):
    """Computes arrays of clips."""

    @property
    def about(self) -> dict[str, Any]:
        """What decides the arrays besides the clips; plain data."""
        ...

    def told(self, clip: int) -> object:
        """What of a clip decides its rows; plain data."""
        ...

    def compute(self, clips: Sequence[int]) -> Block:
        """The rows of some clips."""
        ...


@runtime_checkable
class Job(Protocol):
    """What is computed of which data set; sent to every process."""

    beyond: ClassVar[int]
    """Numbers behind the last clip that are computed like clips."""

    @property
    def data(self) -> Path:
        """A prepared data set."""
        ...

    def __call__(self) -> Computer:
        """Load data and model; called once in each process."""
        ...


@dataclass(frozen=True, kw_only=True)
class MakeBlockWorker:
    """Makes workers; sent to every process."""

    output: Path
    """Folder of the cache."""
    job: Job
    """What they compute."""
    block_clips: int
    """Clips of a block."""

    def __call__(self) -> "BlockWorker":
        """A worker with a computer of its own."""
        return BlockWorker(self.output, self.job(), self.block_clips)


class BlockWorker:
    """Computes one block after the other."""

    def __init__(self, output: Path, computer: Computer, block_clips: int) -> None:
        self._output = output
        self._computer = computer
        self._about = {"block_clips": block_clips, **computer.about}

    def __call__(self, unit: Unit) -> Outcome:
        """Compute the unit's block, or find it computed."""
        clips: Sequence[int] = unit.payload
        made_of = fingerprint([self._about, [self._computer.told(clip) for clip in clips]])
        status = Status.SKIPPED
        if not has_block(self._output, unit.id, made_of):
            with _one_thread():
                block = self._computer.compute(clips)
            write_block(self._output, unit.id, block, made_of)
            status = Status.DONE
        return Outcome(id=unit.id, status=status, facts={"clips": len(clips), "about": self._about})


@contextmanager
def _one_thread() -> Generator[None]:
    """Several processes share the cores, and the number of threads decides the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compute_cache(
    job: Job,
    output: Path,
    executor: Executor,
    on_block: OnBlock = lambda _: None,
    block_clips: int = BLOCK_CLIPS,
) -> dict[str, Any]:
    """Compute what a job says of every clip, or finish what an earlier run began.

    Args:
        job: what is computed.
        output: folder of the cache.
        executor: who does the work.
        on_block: told of every block as it is done.
        block_clips: clips of a block.

    Returns:
        What the cache is.

    Raises:
        InputError: no such data or model, the output holds other files or another run writes
            there, a block cannot be computed, or the disk is full.
    """
    data = PreparedData(job.data)
    count = len(data) + job.beyond
    worker = MakeBlockWorker(output=output, job=job, block_clips=block_clips)
    _check_output(output)
    with locked(output):
        sweep(output)
        (output / CACHE).unlink(missing_ok=True)
        names = [block_name(i) for i in range(-(-count // block_clips))]
        about = _run(executor, worker, _units(count, block_clips), on_block)
        finish_cache(output, names, {**about, "clips": len(data), "data": data.facts.about})
    return about


def _units(count: int, block_clips: int) -> Iterator[Unit]:
    for start in range(0, count, block_clips):
        clips = range(start, min(count, start + block_clips))
        yield Unit(id=block_name(start // block_clips), payload=clips)


def _run(
    executor: Executor, make_worker: MakeWorker, units: Iterator[Unit], on_block: OnBlock
) -> dict[str, Any]:
    about: dict[str, Any] = {}
    failed: list[Outcome] = []
    for outcome in executor.map(make_worker, units):
        if outcome.status in {Status.FAILED, Status.REJECTED}:
            failed.append(outcome)
        about = dict(outcome.facts.get("about", about))
        on_block(outcome)
    if failed:
        raise InputError(
            f"{len(failed)} blocks could not be computed, {failed[0].id} first: "
            f"{failed[0].reason}; run the same command again to go on"
        )
    return about


def _check_output(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot create {folder}: {error.strerror}") from error
    # Blocks that no longer belong are removed later: nothing else may lie there.
    others = [
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".auffusion")
        and path.name != CACHE
        and not path.name.split(".")[0].isdigit()
    ]
    if others:
        raise InputError(f"{folder} holds {others[0]}, which is not ours: choose an empty folder")
