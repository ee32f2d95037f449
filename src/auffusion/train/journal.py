"""What a run says of itself while it runs: a line a step in a file, and curves for a tracker."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from auffusion.errors import InputError
from auffusion.train.loop_settings import Tracker

LOG = "log.jsonl"


class _Curves(Protocol):
    """A tracker of curves."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Plot values over a step."""
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
        self._curves = _open_curves(tracker, folder) if speaks else None

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Append a line; JSON knows no NaN, which stands as null."""
        if not self._speaks:
            return
        line = {"step": step, **{k: v if math.isfinite(v) else None for k, v in values.items()}}
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        if self._curves is not None:
            self._curves.add(step, {k: v for k, v in values.items() if math.isfinite(v)})

    def size(self) -> int:
        """Bytes of the log so far."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def cut(self, size: int) -> None:
        """Forget lines behind a checkpoint: their steps are taken again."""
        if self._speaks and self.size() > size:
            os.truncate(self.path, size)

    def close(self) -> None:
        """Write what is not yet written."""
        if self._curves is not None:
            self._curves.close()


def _open_curves(tracker: Tracker, folder: Path) -> _Curves | None:
    if tracker == "tensorboard":
        return _TensorBoard(folder)
    return _WeightsAndBiases(folder) if tracker == "wandb" else None


class _TensorBoard:
    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise InputError(
                "curves for TensorBoard need the package tensorboard: pip install "
                "'auffusion[train]', or set loop.tracker to none"
            ) from error
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, folder: Path) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise InputError(
                "curves for Weights & Biases need its package: pip install wandb, or set "
                "loop.tracker to tensorboard"
            ) from error
        module: Any = wandb
        self._run = module.init(project="auffusion", name=folder.name, dir=str(folder))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()
