"""The one loop of every training run, read from top to bottom.

A run that is killed at any moment loses at most the steps since its last checkpoint, and ends with
the same weights and the same log as one that was never killed, bit for bit (on a CPU, in float32,
with the same number of processes). Steps whose loss or gradient is not finite are left out, counted
and told with the clips they were made of.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auffusion.errors import InputError
from auffusion.files import write_file
from auffusion.train.average import ExponentialAverage, put_tensors, trained_tensors
from auffusion.train.checkpoints import CheckpointStore
from auffusion.train.journal import Journal
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.optimiser_state import optimiser_tensors, restore_optimiser
from auffusion.train.parallel import Group, average_gradients, join_group
from auffusion.train.stopping import stopping
from auffusion.train.task import Player, Task

SETTINGS = "settings.json"
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

OnStep = Callable[[int, Mapping[str, float]], None]
"""Told (steps done, values) after every step."""


class Ending(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    """All steps are done and the model is exported."""
    STOPPED = "stopped"
    """A signal asked for it; the same command goes on."""


@dataclass
class _Seat:
    """A player with all that belongs to its training."""

    player: Player
    optimiser: torch.optim.AdamW
    average: ExponentialAverage | None
    scaler: torch.amp.GradScaler


def train(
    task: Task,
    settings: LoopSettings,
    folder: Path,
    *,
    about: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
) -> Ending:
    """Train a task, or go on where an earlier run of the folder stopped.

    Args:
        task: what is trained; its networks stand on the device they are to be trained on.
        settings: of the run.
        folder: for log, checkpoints, pages of sounds and, at the end, the model in `model`.
        about: what else decides the result, kept in settings.json: a folder that was begun
            otherwise is refused.
        on_step: told of every step.

    Raises:
        InputError: the folder is of another run or another network, too many steps in a row were
            not finite, or the disk is full.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    group = join_group()
    loop = _Loop(task, settings, folder, group)
    loop.claim({**asdict(settings), **(about or {})})
    with ExitStack() as stack:
        stack.callback(loop.journal.close)
        stop = stack.enter_context(stopping())
        for step in range(loop.restore(), settings.steps):
            values = loop.step(step)
            if on_step is not None:
                on_step(step + 1, values)
            last = step + 1 == settings.steps
            # All processes must leave at the same step, though only one may have heard the signal.
            stopped = group.any(stop.requested)
            if last or stopped or (step + 1) % settings.save_every == 0:
                loop.save(step + 1)
            if stopped and not last:
                return Ending.STOPPED
            if settings.listen_every and (step + 1) % settings.listen_every == 0:
                loop.listen(step + 1)
        loop.finish()
    return Ending.FINISHED


class _Loop:
    """The state of a run."""

    def __init__(self, task: Task, settings: LoopSettings, folder: Path, group: Group) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.task, self.settings, self.folder, self.group = task, settings, folder, group
        self.micro, self.rounds = settings.micro_batches(group.world)
        self.store = CheckpointStore(folder, settings.keep)
        self.journal = Journal(folder, settings.tracker, speaks=group.first)
        self.seats = [_seat(player, settings) for player in task.players]
        self.bad_in_a_row = self.bad_in_all = 0
        self._flops = task.flops_per_example()

    def claim(self, about: dict[str, Any]) -> None:
        """Write the run's settings, or refuse a folder that was begun with others."""
        path = self.folder / SETTINGS
        # How often to save and where curves go change nothing of the result.
        free = {"save_every", "keep", "listen_every", "tracker", "threads", "steps"}
        if path.is_file():
            before: dict[str, Any] = json.loads(path.read_bytes())
            plain = json.loads(json.dumps(about, default=str))
            changed = [k for k in plain if k not in free and before.get(k) != plain[k]]
            if changed:
                raise InputError(
                    f"{self.folder} was begun with {changed[0]} = {before.get(changed[0])!r}, not "
                    f"{plain[changed[0]]!r}: name another folder, or use the settings it has"
                )
        elif self.group.first:
            write_file(path, (json.dumps(about, indent=1, default=str) + "\n").encode())

    def step(self, step: int) -> dict[str, float]:
        """One step of every player; gives what the log says of it."""
        began = time.perf_counter()
        batches = [self.task.draw(step, self._slots(i)) for i in range(self.rounds)]
        values: dict[str, float] = {}
        finite = True
        for seat in self.seats:
            told, norm = self._player_step(seat, batches, step)
            prefix = f"{seat.player.name}." if len(self.seats) > 1 else ""
            values |= {f"{prefix}{name}": value for name, value in told.items()}
            values[f"{prefix}norm"] = norm
            finite = finite and norm == norm and norm < float("inf")
        self._count(step, finite=finite)
        if finite:
            for seat in self.seats:
                if seat.average is not None:
                    seat.average.update(seat.player.module, step)
        values["rate"] = self.settings.rate(step)
        self.journal.step(step + 1, values)
        taken = time.perf_counter() - began
        speed = self.settings.batch / taken
        return values | {"examples_per_s": speed, "flops": speed * self._flops}

    def _slots(self, round_number: int) -> range:
        first = (round_number * self.group.world + self.group.rank) * self.micro
        return range(first, first + self.micro)

    def _player_step(
        self, seat: _Seat, batches: list[Any], step: int
    ) -> tuple[dict[str, float], float]:
        """(loss terms, norm of the gradient) of one player's step."""
        sums: dict[str, float] = {}
        for batch in batches:
            with self._cast(seat):
                terms = self.task.losses(seat.player.name, batch, step)
                if not terms:
                    return {}, 0.0
                loss = torch.stack([*terms.values()]).sum()
            seat.scaler.scale(loss / self.rounds).backward()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value.item() / self.rounds
        sums = self.group.mean(sums)
        average_gradients(seat.player.module, self.group)
        seat.scaler.unscale_(seat.optimiser)
        norm = _clip(seat.player, self.settings.clip)
        for table in seat.optimiser.param_groups:
            table["lr"] = self.settings.rate(step)
        # A batch that gives NaN or infinity is left out: one bad step would end the run.
        if norm == norm and norm < float("inf"):
            seat.scaler.step(seat.optimiser)
        seat.scaler.update()
        seat.optimiser.zero_grad(set_to_none=True)
        return sums, norm

    def _cast(self, seat: _Seat) -> torch.autocast:
        device = next(seat.player.module.parameters()).device.type
        dtype = _DTYPES.get(self.settings.precision)
        return torch.autocast(device, dtype or torch.bfloat16, enabled=dtype is not None)

    def _count(self, step: int, *, finite: bool) -> None:
        self.bad_in_a_row = 0 if finite else self.bad_in_a_row + 1
        if finite:
            return
        self.bad_in_all += 1
        names = [n for i in range(self.rounds) for n in self.task.names(step, self._slots(i))]
        sys.stderr.write(
            f"step {step + 1} was left out: its loss or gradient is not finite; its clips here: "
            f"{', '.join(names)}\n"
        )
        if self.bad_in_a_row >= self.settings.most_bad_steps:
            raise InputError(
                f"{self.bad_in_a_row} steps in a row were not finite: lower loop.learning_rate, or "
                f"look at the clips named; the last good checkpoint lies in {self.store.folder}"
            )

    def save(self, step: int) -> None:
        """Write a checkpoint; the first process does it, the others wait."""
        if self.group.first:
            notes = {
                "log_bytes": self.journal.size(),
                "world": self.group.world,
                "bad_steps": self.bad_in_all,
                "bad_in_a_row": self.bad_in_a_row,
                "scalers": [seat.scaler.state_dict() for seat in self.seats],
            }
            self.store.save(step, self._tensors(), notes)
        self.group.wait()

    def restore(self) -> int:
        """Take up the newest whole checkpoint; gives the next step."""
        found = self.store.newest(_say)
        if found is None:
            if self.group.first:
                self.store.check_room(sum(t.nbytes for t in self._tensors().values()) * 2)
            self.journal.cut(0)
            return 0
        if found.notes["world"] != self.group.world:
            sys.stderr.write(
                f"the run goes on with {self.group.world} processes instead of "
                f"{found.notes['world']}: losses agree to rounding, not to the bit\n"
            )
        try:
            self._put(found.tensors)
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"the checkpoint of step {found.step} in {self.store.folder} is of another network "
                f"({error}): name another folder"
            ) from error
        for seat, state in zip(self.seats, found.notes["scalers"], strict=True):
            if state:
                seat.scaler.load_state_dict(state)
        self.bad_in_all = found.notes["bad_steps"]
        self.bad_in_a_row = found.notes["bad_in_a_row"]
        self.journal.cut(found.notes["log_bytes"])
        return found.step

    def _tensors(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for seat in self.seats:
            name = seat.player.name
            parts = {
                "weights": trained_tensors(seat.player.module),
                "average": seat.average.weights if seat.average else {},
                "optimiser": optimiser_tensors(seat.optimiser),
            }
            for part, found in parts.items():
                tensors |= {f"{name}.{part}.{key}": value for key, value in found.items()}
        return tensors

    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for seat in self.seats:
            start = f"{seat.player.name}."
            put_tensors(seat.player.module, _under(tensors, f"{start}weights."))
            if seat.average is not None:
                kept = _under(tensors, f"{start}average.")
                for key, value in seat.average.weights.items():
                    value.copy_(kept[key])
            restore_optimiser(seat.optimiser, _under(tensors, f"{start}optimiser."))

    def listen(self, step: int) -> None:
        """Let the task write sounds that show where it stands; the first process does it."""
        if self.group.first:
            with self._averages():
                folder = self.folder / f"sounds/step-{step:08d}"
                folder.mkdir(parents=True, exist_ok=True)
                self.task.listen(step, folder)
        self.group.wait()

    def finish(self) -> None:
        """Write the last page of sounds and the model."""
        self.listen(self.settings.steps)
        if self.group.first:
            with self._averages():
                self.task.export(self.folder / "model")
        self.group.wait()

    def _averages(self) -> ExitStack:
        stack = ExitStack()
        for seat in self.seats:
            if seat.average is not None:
                stack.enter_context(seat.average.shown(seat.player.module))
        return stack


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _seat(player: Player, settings: LoopSettings) -> _Seat:
    trained = [p for p in player.module.parameters() if p.requires_grad]
    if not trained:
        raise InputError(f"the player {player.name} has no parameter to train")
    device = trained[0].device.type
    if settings.compile:
        player.module.compile()
    return _Seat(
        player=player,
        optimiser=torch.optim.AdamW(
            trained,
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
            fused=True,
        ),
        average=ExponentialAverage(player.module, settings.average_decay)
        if player.averaged and settings.average_decay
        else None,
        scaler=torch.amp.GradScaler(device, enabled=settings.precision == "float16"),
    )


def _clip(player: Player, most: float) -> float:
    trained = [p for p in player.module.parameters() if p.requires_grad]
    return float(torch.nn.utils.clip_grad_norm_(trained, most or float("inf")))


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
