"""The one loop of every training run, read from top to bottom.

A run that is killed at any moment loses at most the steps since its last checkpoint, and ends with
the same weights and the same log as one that was never killed, bit for bit (on a CPU, in float32,
with the same number of processes and threads).

A player's step whose loss or gradient is not finite is left out: its weights, buffers and average
stay as they were, the step is counted and told with its clips. With several players each one's step
stands for itself: one that was already taken is not taken back, for its own loss was finite. In
float16 a gradient that leaves the number range makes the loss's scale smaller and is no fault of
the data.
"""

import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auffusion.data.drawing import generator
from auffusion.errors import InputError
from auffusion.train.bad_steps import BadSteps
from auffusion.train.checkpoints import Checkpoint, CheckpointStore
from auffusion.train.claim import claim, own_folder
from auffusion.train.journal import Journal
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.pace import Pace, device_peak
from auffusion.train.parallel import Group, join_group
from auffusion.train.seat import Move, Seat, casting, copied_buffers, moving_alone
from auffusion.train.stopping import stopping
from auffusion.train.task import Task
from auffusion.train.whole_folder import sweep_folders, whole_folder

OnStep = Callable[[int, Mapping[str, float]], None]
"""Told (steps done, values) after every step."""


class Ending(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    """All steps are done and the model is exported."""
    STOPPED = "stopped"
    """A signal asked for it; the same command goes on."""


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
        InputError: the folder is of another run or another network, another process trains in it,
            too many steps in a row were not finite, or the disk is full.
    """
    group = join_group()
    with ExitStack() as stack:
        stack.enter_context(_threads(settings.threads))
        group.first_does(lambda: stack.enter_context(own_folder(folder)))
        claim(folder, {**asdict(settings), **(about or {})}, first=group.first)
        loop = _Loop(task, settings, folder, group)
        stack.callback(loop.journal.close)
        stack.enter_context(_random_state(loop.accelerators()))
        stop = stack.enter_context(stopping())
        ending = Ending.FINISHED
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
                ending = Ending.STOPPED
                break
            loop.listen(step + 1)
        if ending is Ending.FINISHED:
            loop.export()
    return ending


@contextmanager
def _threads(number: int) -> Generator[None]:
    before = torch.get_num_threads()
    try:
        if number:
            torch.set_num_threads(number)
        yield
    finally:
        if number:
            torch.set_num_threads(before)


@contextmanager
def _random_state(accelerators: list[int]) -> Generator[None]:
    """Give the caller's random state back at the end of the block."""
    own = torch.get_rng_state()
    theirs = [torch.cuda.get_rng_state(number) for number in accelerators]
    try:
        yield
    finally:
        torch.set_rng_state(own)
        for number, state in zip(accelerators, theirs, strict=True):
            torch.cuda.set_rng_state(state, number)


class _Loop:
    """The state of a run."""

    def __init__(self, task: Task, settings: LoopSettings, folder: Path, group: Group) -> None:
        self.task, self.settings, self.folder, self.group = task, settings, folder, group
        self.micro, self.rounds = settings.micro_batches(group.world)
        self.store = CheckpointStore(folder, settings.keep)
        self.journal = Journal(folder, settings.tracker, speaks=group.first)
        # Before networks are compiled, which would hide what they compute.
        with casting(_device(task), settings.precision):
            flops = task.flops_per_example()
        self.seats = [Seat(player, settings) for player in task.players]
        self.bad = BadSteps(settings.most_bad_steps)
        peak = settings.peak_tflops * 1e12 or device_peak(self.seats[0].device, settings.precision)
        self._pace = Pace(batch=settings.batch, flops=flops, peak=peak * group.world)

    def accelerators(self) -> list[int]:
        """GPUs whose random state is the caller's."""
        found = {seat.device for seat in self.seats if seat.device.type == "cuda"}
        return [one.index or 0 for one in found]

    def step(self, step: int) -> dict[str, float]:
        """One step of every player; gives what is said of it."""
        began = time.perf_counter()
        self._seed(step)
        batches = [self.task.draw(step, self._slots(i)) for i in range(self.rounds)]
        values: dict[str, float] = {}
        moves: list[Move] = []
        for seat in self.seats:
            buffers = copied_buffers(self.seats)
            with moving_alone(seat, self.seats):
                moves.append(seat.move(self.task, batches, step, self.group))
            prefix = f"{seat.player.name}." if len(self.seats) > 1 else ""
            values |= {f"{prefix}{name}": value for name, value in moves[-1].values.items()}
            if not moves[-1].taken:
                for buffer, before in buffers:
                    buffer.copy_(before)
        values["rate"] = self.settings.rate(step)
        finite = all(move.finite for move in moves)
        left_out = [] if finite else self._suspects(step, moves)
        pace = self._pace.of(time.perf_counter() - began)
        self.journal.step(step + 1, values, pace=pace, left_out=left_out)
        self.bad.count(step, left_out, finite=finite)
        return values | pace

    def _slots(self, round_number: int) -> range:
        first = (round_number * self.group.world + self.group.rank) * self.micro
        return range(first, first + self.micro)

    def _seed(self, step: int) -> None:
        # Dropout knows no generator but the global one: seeded by the step, it is the same after a
        # restart. The caller's own state is put back at the end of the run.
        rng = generator(self.settings.seed, step, self.group.rank, "network")
        seed = int(rng.integers(1 << 62))
        # torch.manual_seed also goes to all devices that are not used, which takes longer than a
        # small network's step.
        torch.default_generator.manual_seed(seed)
        if self.accelerators():
            torch.cuda.manual_seed_all(seed)
        elif self.seats[0].device.type == "mps":
            torch.mps.manual_seed(seed)

    def _suspects(self, step: int, moves: Sequence[Move]) -> list[str]:
        """Clips of this process that may be at fault; of all where only a gradient was bad."""
        bad = sorted({number for move in moves for number in move.bad_rounds})
        slots = [slot for number in bad for slot in self._slots(number)]
        if not slots and self.group.first:
            slots = [*range(self.settings.batch)]
        return [name for slot in slots for name in self.task.names(step, range(slot, slot + 1))]

    def save(self, step: int) -> None:
        """Write a checkpoint."""
        self.group.first_does(lambda: self.store.save(step, self._tensors(), self._notes()))

    def _notes(self) -> dict[str, Any]:
        return {
            "log_bytes": self.journal.settle(),
            "world": self.group.world,
            "bad_steps": self.bad.in_all,
            "bad_in_a_row": self.bad.in_a_row,
            "scalers": [seat.scaler.state_dict() for seat in self.seats],
        }

    def _tensors(self) -> dict[str, Tensor]:
        return {name: t for seat in self.seats for name, t in seat.tensors().items()}

    def restore(self) -> int:
        """Take up the newest whole checkpoint; gives the next step."""
        found = self.group.first_does(self._newest)
        step = self.group.told(found.step if found else 0)
        if not step:
            # Networks begin alike even where a task has drawn them without a seed.
            self.group.share(self._tensors().values())
            self.group.first_does(lambda: self.journal.begin(0, 0))
            return 0
        found = found or self.store.read(step)
        try:
            self._put(found)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"the checkpoint of step {step} in {self.store.folder} is of another network "
                f"({error}): name another folder"
            ) from error
        self.group.first_does(lambda: self._go_on(found))
        self.listen(step)
        return step

    def _newest(self) -> Checkpoint | None:
        for folder in (self.folder, self.folder / "sounds"):
            sweep_folders(folder)
        found = self.store.newest(_say)
        self.store.check_room(sum(seat.size() for seat in self.seats))
        if found and found.step > self.settings.steps:
            raise InputError(
                f"{self.folder} has {found.step} steps behind it, more than loop.steps = "
                f"{self.settings.steps}: ask for more, or name another folder"
            )
        return found

    def _put(self, found: Checkpoint) -> None:
        for seat, scaler in zip(self.seats, found.notes["scalers"], strict=True):
            seat.put(found.tensors)
            if scaler:
                seat.scaler.load_state_dict(scaler)
        self.bad.in_all = int(found.notes["bad_steps"])
        self.bad.in_a_row = int(found.notes["bad_in_a_row"])

    def _go_on(self, found: Checkpoint) -> None:
        world = found.notes["world"]
        if world != self.group.world:
            _say(
                f"the run goes on with {self.group.world} processes instead of {world}: losses "
                "agree to rounding, not to the bit"
            )
        self.journal.begin(int(found.notes["log_bytes"]), found.step)
        self.store.settle(found.step)

    def listen(self, step: int) -> None:
        """Let the task write sounds that show where it stands, where it is time for them."""
        every = self.settings.listen_every
        if step == self.settings.steps or (every and step % every == 0):
            self.group.first_does(lambda: self._listen(step))

    def _listen(self, step: int) -> None:
        page = self.folder / f"sounds/step-{step:08d}"
        # A run that was killed after it had made the page comes here again.
        if not page.exists():
            with self._averages(), whole_folder(page) as new:
                self.task.listen(step, new)

    def export(self) -> None:
        """Write the model."""
        self.group.first_does(self._export)

    def _export(self) -> None:
        with self._averages(), whole_folder(self.folder / "model") as new:
            self.task.export(new)

    @contextmanager
    def _averages(self) -> Generator[None]:
        with ExitStack() as stack:
            for seat in self.seats:
                if seat.average is not None:
                    stack.enter_context(seat.average.shown(seat.module))
            yield


def _device(task: Task) -> torch.device:
    return next(task.players[0].module.parameters()).device


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
