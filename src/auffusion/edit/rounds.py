"""Steps made again and again, until what is made anew fits what is kept (RePaint).

Lugmayr et al., arXiv 2201.09865, §4.2: under a mask, each step sees the kept part at a noise that
the rest was not made with, and the two do not become one. Noising the latent by one step and
denoising it again lets them. The paper jumps ten steps at a time; here a jump is one step.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from auffusion.denoise import SeededScheduler, noise_from
from auffusion.errors import InputError
from auffusion.shapes import Latent

MOST_ROUNDS = 100

_MEMORIES = ("ets", "model_outputs")  # where diffusers keeps what was predicted before


class Rounds:
    """A walk in which every step but the last is made so many times, with its hook (`on_step`).

    It works with schedulers that step from one latent alone: what others remember of earlier steps
    does not belong to a latent that was noised again. How noise grows within a step is asked of the
    scheduler itself: with a clean latent's share a and the noise's share s before and after a step,
    a latent is taken back by

        x_before = a_before / a_after · x_after + (s_before² - (a_before / a_after)² s_after²)^½ ε.

    One walk only: it counts its steps.

    Args:
        walk: the walk, not begun.
        rounds: how often each step is made; 1 changes nothing.
        generators: one an item, for the noise ε.

    Raises:
        InputError: a number of rounds out of range, or a scheduler of several steps.
    """

    def __init__(
        self, walk: SeededScheduler, rounds: int, generators: Sequence[torch.Generator]
    ) -> None:
        if not 1 <= rounds <= MOST_ROUNDS:
            raise InputError(f"{rounds} rounds cannot be made: choose 1 to {MOST_ROUNDS}")
        kind = type(walk.scheduler).__name__
        if rounds > 1 and any(hasattr(walk.scheduler, name) for name in _MEMORIES):
            raise InputError(
                f"{kind} steps from several latents, of which a round renews only one: choose "
                "ddim, ddpm, euler, euler-a or lcm, or 1 round"
            )
        self._walk, self._rounds, self._generators = walk, rounds, tuple(generators)
        self._made = 0
        self._before: dict[str, Any] = {}
        self._shares = (1.0, 0.0)

    @property
    def timesteps(self) -> Tensor:
        """Each as often as there are rounds, but the last, behind which there is no noise."""
        steps = self._walk.timesteps
        return torch.cat([steps[:-1].repeat_interleave(self._rounds), steps[-1:]])

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to start from."""
        return self._walk.init_noise_sigma

    def scale_model_input(self, latent: Latent, timestep: Tensor) -> Latent:
        """The latent as the network was trained to see it."""
        return self._walk.scale_model_input(latent, timestep)

    def noised_after(self, index: int, latent: Latent, noise: Latent) -> Latent:
        """A clean latent with as much noise as the walk's has after its step `index`."""
        return self._walk.noised_after(index // self._rounds, latent, noise)

    def advance(self, noise: Latent, timestep: Tensor, latent: Latent) -> Latent:
        """The latent one step cleaner."""
        if not self._is_last(self._made):
            self._before = cast("dict[str, Any]", vars(self._walk.scheduler)).copy()
            self._shares = _shares(partial(self._walk.add_noise, timestep=timestep), latent)
        self._made += 1
        return self._walk.advance(noise, timestep, latent)

    def on_step(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """The latent as before the step, unless it was the step's last round."""
        if self._is_last(index):
            return latent
        clean, noisy = self._shares
        now = _shares(partial(self.noised_after, index), latent)
        vars(self._walk.scheduler).update(self._before)
        share = clean / now[0]
        channels, height, width = latent.shape[1:]
        fresh = noise_from(self._generators, (channels, height, width)).to(latent)
        return share * latent + max(0.0, noisy**2 - (share * now[1]) ** 2) ** 0.5 * fresh

    def _is_last(self, index: int) -> bool:
        """Whether it is the last round of its step."""
        return (index + 1) % self._rounds == 0 or index + 1 == len(self.timesteps)


def _shares(noised: Callable[..., Latent], like: Latent) -> tuple[float, float]:
    """How much of a clean latent and how much noise there is, asked with ones and zeros."""
    ones = torch.ones(1, 1, 1, 1, device=like.device)
    zeros = torch.zeros_like(ones)
    return noised(ones, zeros).item(), noised(zeros, ones).item()
