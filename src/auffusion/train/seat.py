"""A player with all that belongs to its training: optimiser, average, scale of its loss."""

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from auffusion.errors import InputError
from auffusion.train.average import ExponentialAverage, put_tensors, trained_tensors
from auffusion.train.loop_settings import LoopSettings, Precision
from auffusion.train.optimiser_state import optimiser_tensors, restore_optimiser
from auffusion.train.parallel import Group, average_gradients
from auffusion.train.task import Player, Task

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Move:
    """What came of a player's step."""

    values: dict[str, float]
    """Loss terms, the norm of the gradient and, in float16, the scale of the loss."""
    taken: bool
    """Whether the weights moved."""
    finite: bool
    """Whether loss and gradient were finite, or the gradient only too large for float16."""
    bad_rounds: tuple[int, ...]
    """Micro batches of this process whose loss was not finite."""


class Seat:
    """A player, its optimiser and its average.

    Args:
        player: is trained.
        settings: of the run.

    Raises:
        InputError: it has nothing to train.
    """

    def __init__(self, player: Player, settings: LoopSettings) -> None:
        self.player, self.module, self._settings = player, player.module, settings
        self.trained = [p for p in player.module.parameters() if p.requires_grad]
        if not self.trained:
            raise InputError(f"the player {player.name} has no parameter to train")
        # Kept, for walking through a network's modules takes as long as a small one's layers.
        self.buffers = [*player.module.buffers()]
        self.device = self.trained[0].device
        self.optimiser = torch.optim.AdamW(
            self.trained,
            lr=settings.learning_rate,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimiser.zero_grad(set_to_none=True)
        self.average = (
            ExponentialAverage(player.module, settings.average_decay)
            if player.averaged and settings.average_decay
            else None
        )
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=settings.precision == "float16"
        )
        if settings.compile:
            player.module.compile()

    def move(self, task: Task, batches: Sequence[Any], step: int, group: Group) -> Move:
        """Take a step, unless its loss or gradient is not finite, or it sits the step out."""
        rounds = [self._backward(task, batch, step, len(batches)) for batch in batches]
        if not rounds[0]:
            return Move(values={"norm": 0.0}, taken=False, finite=True, bad_rounds=())
        losses = group.mean({name: sum(one[name] for one in rounds) for name in rounds[0]})
        average_gradients(self.module, group)
        scale = self.scaler.get_scale()
        self.scaler.unscale_(self.optimiser)
        norm = self._clip()
        sane = all(map(math.isfinite, losses.values()))
        taken = sane and math.isfinite(norm)
        # A gradient that left float16's range says that the scale is too large, which is how
        # GradScaler finds it; below 1 it says that the gradient itself is at fault.
        too_large = sane and not taken and self.scaler.is_enabled() and scale > 1
        self._take(step, taken=taken, too_large=too_large)
        extra = {"scale": scale} if self.scaler.is_enabled() else {}
        bad = tuple(
            number for number, one in enumerate(rounds) if not math.isfinite(sum(one.values()))
        )
        values = {**losses, "norm": norm, **extra}
        return Move(values=values, taken=taken, finite=taken or too_large, bad_rounds=bad)

    def _backward(self, task: Task, batch: Any, step: int, rounds: int) -> dict[str, float]:  # noqa: ANN401
        """Add a micro batch's gradients; gives its share of the loss's terms."""
        with casting(self.device, self._settings.precision):
            terms = task.losses(self.player.name, batch, step)
            if not terms:
                return {}
            stacked = torch.stack([*terms.values()])
        self.scaler.scale(stacked.sum() / rounds).backward()
        # All at once: each number that is fetched waits for the device.
        shares = cast("list[float]", stacked.detach().tolist())
        return {name: value / rounds for name, value in zip(terms, shares, strict=True)}

    def _clip(self) -> float:
        most = self._settings.clip or float("inf")
        return float(torch.nn.utils.clip_grad_norm_(self.trained, most))

    def _take(self, step: int, *, taken: bool, too_large: bool) -> None:
        for table in self.optimiser.param_groups:
            table["lr"] = self._settings.rate(step)
        if taken:
            self.scaler.step(self.optimiser)
        if taken or too_large:
            self.scaler.update()
        elif self.scaler.is_enabled():
            # Bad data says nothing about the scale.
            self.scaler.update(self.scaler.get_scale())
        self.optimiser.zero_grad(set_to_none=True)
        if taken and self.average is not None:
            self.average.update(self.module, step)

    def size(self) -> int:
        """Bytes of its part of a checkpoint, the optimiser's two moments included."""
        weights = sum(value.nbytes for value in trained_tensors(self.module).values())
        moments = 2 * sum(parameter.nbytes for parameter in self.trained)
        return weights * (1 if self.average is None else 2) + moments

    def tensors(self) -> dict[str, Tensor]:
        """All that a checkpoint keeps of it."""
        parts = {
            "weights": trained_tensors(self.module),
            "average": self.average.weights if self.average else {},
            "optimiser": optimiser_tensors(self.optimiser),
        }
        return {
            f"{self.player.name}.{part}.{key}": value
            for part, found in parts.items()
            for key, value in found.items()
        }

    def put(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave.

        Raises:
            ValueError: it is of another network.
        """
        put_tensors(trained_tensors(self.module), self._part(tensors, "weights"))
        put_tensors(self.average.weights if self.average else {}, self._part(tensors, "average"))
        restore_optimiser(self.optimiser, self._part(tensors, "optimiser"))

    def _part(self, tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
        start = f"{self.player.name}.{part}."
        return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}


def casting(device: torch.device, precision: Precision) -> torch.autocast:
    """Networks compute in a precision until the end of the block."""
    dtype = _DTYPES.get(precision)
    return torch.autocast(device.type, dtype or torch.bfloat16, enabled=dtype is not None)


@contextmanager
def moving_alone(seat: Seat, seats: Sequence[Seat]) -> Generator[None]:
    """Other players' weights are constants to this one's loss until the end of the block.

    What it would leave in their gradients would be minimised in their next step.
    """
    others = [p for one in seats if one is not seat for p in one.trained]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def copied_buffers(seats: Sequence[Seat]) -> list[tuple[Tensor, Tensor]]:
    """All players' running statistics with copies, for one forward pass with NaN spoils them."""
    return [(buffer, buffer.clone()) for seat in seats for buffer in seat.buffers]
