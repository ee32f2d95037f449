"""The samplers by name, and any diffusers scheduler as the loop's `Scheduler`."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import Latent

# Pixels lie in [-1, 1] and may be clipped, latents do not. Some of diffusers' defaults clip.
_UNCLIPPED = {"clip_sample": False, "thresholding": False}
# A model's scheduler file may ask for another spacing of the noise levels than the name says.
_PLAIN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}

SCHEDULERS: Mapping[str, tuple[type[Any], Mapping[str, Any]]] = MappingProxyType(
    {
        "ddpm": (DDPMScheduler, _UNCLIPPED),
        "ddim": (DDIMScheduler, _UNCLIPPED),
        # Without the Runge-Kutta start: PLMS, the published checkpoints' sampler.
        "pndm": (PNDMScheduler, {"skip_prk_steps": True}),
        "dpm++": (
            DPMSolverMultistepScheduler,
            {
                **_PLAIN,
                "algorithm_type": "dpmsolver++",
                "solver_order": 2,
                "solver_type": "midpoint",
                "use_karras_sigmas": True,
                "thresholding": False,
            },
        ),
        "unipc": (UniPCMultistepScheduler, {**_PLAIN, "solver_type": "bh2", "thresholding": False}),
        "euler": (EulerDiscreteScheduler, _PLAIN),
        "euler-a": (EulerAncestralDiscreteScheduler, {}),
        "lcm": (LCMScheduler, _UNCLIPPED),
    }
)
"""Name to diffusers class and the settings that the name stands for."""


def make_scheduler(name: str, config: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The diffusers scheduler of that name for a model trained with `config`.

    Args:
        name: a key of `SCHEDULERS`.
        config: the model's scheduler configuration, of whatever class: noise schedule and kind of
            prediction are taken from it.

    Raises:
        InputError: a name not in the table.
    """
    if name not in SCHEDULERS:
        raise InputError(
            f"there is no scheduler {name!r}: choose one of {', '.join(sorted(SCHEDULERS))}"
        )
    scheduler_class, settings = SCHEDULERS[name]
    return scheduler_class.from_config(dict(config), **settings)


class SeededScheduler:
    """A diffusers scheduler, its timesteps set, as the loop's `Scheduler`.

    Schedulers that add noise as they go draw it here from the items' own generators, so that a
    batch never changes an item.

    Args:
        scheduler: a diffusers scheduler on which `set_timesteps` was called.
        generators: one an item.
        eta: DDIM's η, 0 (no noise) to 1; ignored by schedulers without one.

    Raises:
        InputError: a scheduler whose noise cannot be drawn item by item.
    """

    def __init__(
        self,
        scheduler: Any,  # noqa: ANN401
        generators: Sequence[torch.Generator],
        *,
        eta: float = 0.0,
    ) -> None:
        kind = type(scheduler).__name__
        # Their Brownian tree is grown for the whole batch and takes no generator.
        if kind in {"DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"}:
            raise InputError(
                f"{kind} draws one noise for a whole batch, which would tie an item to its "
                f"neighbours: choose one of {', '.join(sorted(SCHEDULERS))}"
            )
        self.scheduler = scheduler
        self._first = 0
        offered = {"generator": list(generators), "eta": eta}
        taken = inspect.signature(scheduler.step).parameters
        self._options = {name: value for name, value in offered.items() if name in taken}

    @classmethod
    def prepared(
        cls,
        scheduler: Any,  # noqa: ANN401
        steps: int,
        generators: Sequence[torch.Generator],
        *,
        device: torch.device | str = "cpu",
        eta: float = 0.0,
    ) -> "SeededScheduler":
        """The scheduler with its timesteps set for a number of steps.

        Raises:
            InputError: a number of steps that the scheduler cannot make.
        """
        most = int(scheduler.config.num_train_timesteps)
        # LCM walks a subset of the steps it was distilled on.
        most = int(scheduler.config.get("original_inference_steps", most))
        if not 1 <= steps <= most:
            raise InputError(f"{steps} steps cannot be made: choose a number from 1 to {most}")
        scheduler.set_timesteps(steps, device=device)
        return cls(scheduler, generators, eta=eta)

    @property
    def timesteps(self) -> Tensor:
        """The timesteps to visit; PNDM visits the second one twice, N + 1 calls in all."""
        return self.scheduler.timesteps[self._first :]

    def late(self, first: int) -> "SeededScheduler":
        """The same walk from its step `first` on, for a latent that is noised so far.

        The walk itself is not to be used besides: both are the one diffusers scheduler.
        """
        rest = copy.copy(self)
        rest._first = first * self.scheduler.order
        # Those that count noise levels would look for the timestep, which may stand there twice.
        if hasattr(self.scheduler, "set_begin_index"):
            self.scheduler.set_begin_index(rest._first)
        return rest

    def add_noise(self, latent: Latent, noise: Latent, timestep: Tensor) -> Latent:
        """A clean latent with as much of `noise` as there is at `timestep`.

        Args:
            latent: clean.
            noise: of deviation one.
            timestep: the walk's first one before its first step, or the next one after a step.
        """
        return self.scheduler.add_noise(latent, noise, timestep.reshape(1))

    def noised_after(self, index: int, latent: Latent, noise: Latent) -> Latent:
        """A clean latent with as much noise as the walk's has after its step `index`."""
        timesteps = self.timesteps
        if index + 1 == len(timesteps):
            return latent
        return self.add_noise(latent, noise, timesteps[index + 1])

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to start from."""
        return float(self.scheduler.init_noise_sigma)

    def scale_model_input(self, latent: Latent, timestep: Tensor) -> Latent:
        """The latent as the network was trained to see it."""
        return self.scheduler.scale_model_input(latent, timestep)

    def advance(self, noise: Latent, timestep: Tensor, latent: Latent) -> Latent:
        """The latent one step cleaner."""
        step = self.scheduler.step(noise, timestep, latent, **self._options, return_dict=False)
        return step[0]
