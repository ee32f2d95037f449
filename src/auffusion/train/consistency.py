"""The mathematics of latent consistency distillation (LCM, arXiv 2310.04378; LoRA: 2311.05556).

A consistency function f(z, t) leads every point of a teacher's path to the path's clean end:

    f(z, t) = c_skip(t) z + c_out(t) x̂(z, t),

with x̂ what the network holds for the clean latent. The student learns f(z_n+k, t_n+k) ≈ f⁻(ẑ_n,
t_n), where ẑ_n lies one step of the guided teacher's DDIM further, and f⁻ is a slow copy of f.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import Latent

SIGMA_DATA = 0.5
"""Of `LCMScheduler`, which samples what is learnt here."""
TIMESTEP_SCALING = 10.0
"""Of `LCMScheduler` as well."""

Timesteps = Int[Tensor, "batch"]
Scale = Float[Tensor, "batch 1 1 1"]


@dataclass(frozen=True, kw_only=True)
class NoiseLevels:
    """How much of a latent is left at each timestep, and what its network predicts."""

    kept: Float[Tensor, "timestep"]
    """Diffusers' `alphas_cumprod`: the share of the variance that is signal."""
    predicts_v: bool
    """v, or else noise."""

    @classmethod
    def of(cls, scheduler: Any, device: torch.device) -> "NoiseLevels":  # noqa: ANN401
        """Those of a diffusers scheduler.

        Raises:
            InputError: its network predicts neither noise nor v.
        """
        kind = scheduler.config.prediction_type
        if kind not in {"epsilon", "v_prediction"}:
            raise InputError(
                f"the teacher predicts {kind!r}: only epsilon and v_prediction are distilled"
            )
        kept: Tensor = scheduler.alphas_cumprod
        return cls(kept=kept.to(device), predicts_v=kind == "v_prediction")

    def signal_and_noise(self, timestep: Timesteps) -> tuple[Scale, Scale]:
        """(√ᾱ, √(1-ᾱ)), the factors of the clean latent and of the noise."""
        kept = self.kept[timestep][:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    def clean_and_noise(
        self, output: Latent, noisy: Latent, timestep: Timesteps
    ) -> tuple[Latent, Latent]:
        """What a prediction says of the clean latent and of the noise in it."""
        signal, noise = self.signal_and_noise(timestep)
        if self.predicts_v:
            return signal * noisy - noise * output, signal * output + noise * noisy
        return (noisy - noise * output) / signal, output

    def ddim(self, clean: Latent, noise: Latent, timestep: Timesteps) -> Latent:
        """The latent at a timestep that a step of DDIM leads to (arXiv 2010.02502, Eq. 12; η 0)."""
        signal, left = self.signal_and_noise(timestep)
        return signal * clean + left * noise

    def consistent(self, output: Latent, noisy: Latent, timestep: Timesteps) -> Latent:
        """f(z, t); at t = 0 it is z itself."""
        skip, out = boundary(timestep)
        return skip * noisy + out * self.clean_and_noise(output, noisy, timestep)[0]


def boundary(timestep: Timesteps) -> tuple[Scale, Scale]:
    """(c_skip, c_out), which make f(z, 0) = z.

    >>> [float(c) for c in boundary(torch.tensor([0]))]
    [1.0, 0.0]
    """
    scaled = TIMESTEP_SCALING * timestep.double()[:, None, None, None]
    total = scaled**2 + SIGMA_DATA**2
    return (SIGMA_DATA**2 / total).float(), (scaled / total.sqrt()).float()


@dataclass(frozen=True, kw_only=True)
class Solver:
    """The timesteps between which the teacher steps: k - 1, 2k - 1, …, as `LCMScheduler` has."""

    timesteps: int
    """Of the teacher."""
    steps: int
    """Of its walk from noise to the clean latent."""

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= self.timesteps:
            raise InputError(
                f"distil.solver_steps is {self.steps}: choose 1 to the teacher's {self.timesteps}"
            )

    def start(self, timestep: Timesteps) -> Timesteps:
        """The end of the stretch that a timestep lies in."""
        length = self.timesteps // self.steps
        return (timestep // length).clamp(max=self.steps - 1) * length + length - 1

    def end(self, start: Timesteps) -> Timesteps:
        """The timestep a step further; 0 after the last one."""
        return (start - self.timesteps // self.steps).clamp(min=0)


def pseudo_huber(difference: Latent, scale: float) -> Float[Tensor, ""]:
    """√(d² + c²) - c, as d² / 2c for small d and |d| for large (arXiv 2310.14189); 0 gives d²."""
    if not scale:
        return difference.square().mean()
    squares = difference.square()
    # The same as √(d² + c²) - c, without the loss of digits.
    return (squares / ((squares + scale**2).sqrt() + scale)).mean()
