"""DDIM's deterministic walk, and the same walk upwards, from a recording to the noise it came from.

Without added noise a step of DDIM (Song et al., arXiv 2010.02502, Eq. 12) is linear in the latent
and in what the network says of it, whatever the kind of prediction m:

    x_{t-1} = a_t x_t + b_t m(x_t, t),    hence    x_t = (x_{t-1} - b_t m(x_t, t)) / a_t.

Going up, m(x_t, t) is not known before x_t is. DDIM inversion takes m(x_{t-1}, t) for it, which is
the better the smaller the steps; `FixedPoint` then asks again at the x_t so found (arXiv 2309.04907
and 2403.14602), until both agree and the walk down leads back exactly.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from auffusion.denoise import Predictor, make_scheduler
from auffusion.errors import InputError
from auffusion.shapes import Latent

# Their networks were distilled to jump to the end from anywhere: there is no path to follow back.
_DISTILLED = frozenset({"LCMScheduler", "TCDScheduler"})
# A predicted clean latent says so little of the noise in the last steps that going up diverges.
_PREDICTIONS = ("epsilon", "v_prediction")


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearWalk:
    """A `Scheduler` whose steps are x ← a x + b m, and which remembers nothing between them."""

    timesteps: Tensor
    """To visit, in order."""
    of_latent: tuple[float, ...]
    """a of each step."""
    of_prediction: tuple[float, ...]
    """b of each step."""
    _index: dict[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = {int(timestep): i for i, timestep in enumerate(self.timesteps)}
        object.__setattr__(self, "_index", index)

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to start from."""
        return 1.0

    def scale_model_input(self, latent: Latent, timestep: Tensor) -> Latent:  # noqa: ARG002
        """The latent, for it is as the network was trained to see it."""
        return latent

    def advance(self, noise: Latent, timestep: Tensor, latent: Latent) -> Latent:
        """The latent one step further."""
        step = self._index[int(timestep)]
        return self.of_latent[step] * latent + self.of_prediction[step] * noise

    def inverted(self) -> "LinearWalk":
        """The walk the other way; given the same predictions, either undoes the other.

        Raises:
            InputError: a step that forgets the latent cannot be undone.
        """
        pairs = list(zip(self.of_latent, self.of_prediction, strict=True))[::-1]
        if any(not math.isfinite(a) or not math.isfinite(b) or a == 0 for a, b in pairs):
            raise InputError(
                "this model's noise schedule holds no signal at its last timestep, so that a step "
                "from there forgets the latent and DDIM cannot be inverted: take fewer steps, or "
                "the method ddpm"
            )
        return LinearWalk(
            timesteps=self.timesteps.flip(0),
            of_latent=tuple(1 / a for a, _ in pairs),
            of_prediction=tuple(-b / a for a, b in pairs),
        )

    def last(self, steps: int) -> "LinearWalk":
        """Only the last steps."""
        return LinearWalk(
            timesteps=self.timesteps[-steps:],
            of_latent=self.of_latent[-steps:],
            of_prediction=self.of_prediction[-steps:],
        )


def ddim_walk(scheduler: Any, steps: int, *, eta: float = 0.0) -> LinearWalk:  # noqa: ANN401
    """DDIM over a model's noise schedule, whatever sampler the model is set to.

    Its timesteps are spaced so that each step ends where the next begins ("leading" in diffusers).

    Args:
        scheduler: the model's diffusers scheduler; noise schedule and kind of prediction are taken
            from it.
        steps: of the walk.
        eta: with η above 0 the walk is over the means of the steps, to which noise is then added.

    Raises:
        InputError: another number of steps than can be made, or a model without such a walk.
    """
    _check(scheduler)
    most = int(scheduler.config.num_train_timesteps) // 2
    if not 1 <= steps <= most:
        raise InputError(f"{steps} steps cannot be made: choose a number from 1 to {most}")
    config = {**scheduler.config, "timestep_spacing": "leading", "steps_offset": 1}
    # Under this name stand entries that diffusers would drop, for DDIM's own defaults.
    config.pop("_use_default_values", None)
    ddim = make_scheduler("ddim", config)
    ddim.set_timesteps(steps)
    # Read off the scheduler's own step, so that its formulas are written once: there.
    one, none = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    options = {"eta": eta, "variance_noise": none} if eta else {}

    def step(prediction: Tensor, timestep: int, latent: Tensor) -> float:
        return ddim.step(prediction, timestep, latent, **options, return_dict=False)[0].item()

    visited = ddim.timesteps.tolist()
    return LinearWalk(
        timesteps=ddim.timesteps,
        of_latent=tuple(step(none, timestep, one) for timestep in visited),
        of_prediction=tuple(step(one, timestep, none) for timestep in visited),
    )


def _check(scheduler: Any) -> None:  # noqa: ANN401
    kind, config = type(scheduler).__name__, scheduler.config
    if kind in _DISTILLED:
        raise InputError(
            f"a model sampled by {kind} jumps to its result from any noise, so that no recording "
            "can be walked back: invert it with the model it was distilled from"
        )
    prediction = config.get("prediction_type", "epsilon")
    if "beta_schedule" not in config or prediction not in _PREDICTIONS:
        raise InputError(
            f"{kind} with prediction {prediction!r} has no noise schedule that DDIM could walk: "
            f"inversion needs one of betas and a prediction among {', '.join(_PREDICTIONS)}"
        )


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
    """A predictor for the walk up that asks the network where the step arrives."""

    predict: Predictor
    """The network, with all that wraps it."""
    upwards: LinearWalk
    """The inverted walk."""
    iterations: int
    """How often it asks again; 0 is plain DDIM inversion."""

    def __call__(self, latent: Latent, timestep: Tensor) -> Latent:
        """The prediction at the latent that the step leads to, as far as it is known."""
        prediction = self.predict(latent, timestep)
        for _ in range(self.iterations):
            arrived = self.upwards.advance(prediction, timestep, latent)
            prediction = self.predict(arrived, timestep)
        return prediction


class Trail:
    """A `StepHook` that keeps where a walk up came by, for the walk down to aim at.

    Args:
        start: the latent that the walk up starts from.
    """

    def __init__(self, start: Latent) -> None:
        self.before: dict[int, Latent] = {}
        """By timestep, the latent that a step down from there should reach."""
        self._current = start

    def __call__(self, index: int, timestep: Tensor, latent: Latent) -> Latent:  # noqa: ARG002
        """Keep the latent from before the step."""
        self.before[int(timestep)] = self._current
        self._current = latent
        return latent
