"""What a run says of itself while it runs: a line a step in a file, and curves for a tracker."""

import hashlib
import importlib
import importlib.util
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from auffusion.errors import InputError
from auffusion.train.loop_settings import Tracker

LOG = "log.jsonl"


@runtime_checkable
class _Curves(Protocol):
    """A tracker of curves."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Plot values over a step."""
        ...

    def settle(self) -> None:
        """Bring what was plotted to the disk."""
        ...

    def close(self) -> None:
        """Write what is not yet written."""
        ...


class Journal:
    """The log of a run; only the first process of a group writes one.

    Args:
        folder: of the run.
        tracker: where curves go besides.
        speaks: whether this process is the first.

    Raises:
        InputError: the tracker is not installed.
    """

    def __init__(self, folder: Path, tracker: Tracker, *, speaks: bool) -> None:
        self.path = folder / LOG
        self._speaks = speaks
        self._folder = folder
        self._tracker: Tracker = tracker
        self._curves: _Curves | None = None
        if speaks:
            _check(tracker)

    def begin(self, size: int, step: int) -> None:
        """Go on behind a checkpoint: lines of later steps are forgotten, which are taken again.

        Args:
            size: bytes of the log when the checkpoint was written.
            step: steps that were done then.
        """
        if not self._speaks:
            return
        there = self.path.stat().st_size if self.path.is_file() else 0
        if there > size:
            os.truncate(self.path, size)
        elif there < size:
            sys.stderr.write(
                f"{self.path} has lost lines since the checkpoint of step {step} was written; the "
                "run goes on without them\n"
            )
        self._curves = _open_curves(self._tracker, self._folder, step)

    def step(
        self,
        step: int,
        values: Mapping[str, float],
        *,
        pace: Mapping[str, float] | None = None,
        left_out: Sequence[str] = (),
    ) -> None:
        """Append a line; JSON knows no NaN, which stands as null.

        Args:
            step: steps that are done.
            values: what two runs of the same settings have in common.
            pace: what they have not, for the curves alone.
            left_out: clips of a step that was not taken.

        Raises:
            InputError: the disk is full.
        """
        if not self._speaks:
            return
        line: dict[str, Any] = {"step": step}
        line |= {k: v if math.isfinite(v) else None for k, v in values.items()}
        if left_out:
            line["left_out"] = [*left_out]
        try:
            with self.path.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
        except OSError as error:
            raise InputError(
                f"cannot write {self.path} ({error.strerror}): make room and give the same command "
                "again, the run goes on from its last checkpoint"
            ) from error
        if self._curves is not None:
            shown = {**values, **(pace or {})}
            self._curves.add(step, {k: v for k, v in shown.items() if math.isfinite(v)})

    def settle(self) -> int:
        """Bring log and curves to the disk, and give the bytes of the log."""
        if self._curves is not None:
            self._curves.settle()
        if not self.path.is_file():
            return 0
        with self.path.open("rb") as log:
            os.fsync(log.fileno())
        return self.path.stat().st_size

    def close(self) -> None:
        """Write what is not yet written."""
        if self._curves is not None:
            self._curves.close()


def _check(tracker: Tracker) -> None:
    if tracker == "tensorboard" and not importlib.util.find_spec("tensorboard"):
        raise InputError(
            "curves for TensorBoard need the package tensorboard: pip install "
            "'auffusion[train]', or set loop.tracker to none"
        )
    if tracker == "wandb" and not importlib.util.find_spec("wandb"):
        raise InputError(
            "curves for Weights & Biases need its package: pip install wandb, or set "
            "loop.tracker to tensorboard"
        )


def _open_curves(tracker: Tracker, folder: Path, step: int) -> _Curves | None:
    if tracker == "tensorboard":
        return _TensorBoard(folder, step)
    return _WeightsAndBiases(folder) if tracker == "wandb" else None


class _TensorBoard:
    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        # Points behind the checkpoint, which come again, are hidden.
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def settle(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, folder: Path) -> None:
        module: Any = importlib.import_module("wandb")
        # One page for a folder, however often its run is taken up.
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self._run = module.init(
            project="auffusion", name=folder.name, dir=str(folder), id=name, resume="allow"
        )

    def add(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def settle(self) -> None:
        """It has a process of its own that writes."""

    def close(self) -> None:
        self._run.finish()
