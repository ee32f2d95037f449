"""How caches of a prepared data set are computed: in blocks, by any executor, resumably.

A cache is keyed by what it was computed of: the clips' content, the part of the model that computes
it and the settings. What changes is computed again, what does not is kept.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


@dataclass(frozen=True, kw_only=True)
class MakeBlockWorker:
    """Makes workers; sent to every process."""

    output: Path
    """Folder of the cache."""
    make_computer: Callable[[], Computer]
    """Called once in each process: it loads data and model."""
    block_clips: int = BLOCK_CLIPS
    """Clips of a block."""

    def __call__(self) -> "BlockWorker":
        """A worker with a computer of its own."""
        return BlockWorker(self.output, self.make_computer(), self.block_clips)


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
    data: PreparedData, count: int, job: MakeBlockWorker, executor: Executor, on_block: OnBlock
) -> dict[str, Any]:
    """Compute the blocks of `count` numbers and finish the cache; gives what `cache.json` says.

    Raises:
        InputError: the output holds other files or another run writes there, a block cannot be
            computed, or the disk is full.
    """
    _check_output(job.output)
    with locked(job.output):
        sweep(job.output)
        (job.output / CACHE).unlink(missing_ok=True)
        names = [block_name(i) for i in range(-(-count // job.block_clips))]
        about = _run(executor, job, _units(count, job.block_clips), on_block)
        finish_cache(job.output, names, {**about, "clips": len(data), "data": data.facts.about})
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
