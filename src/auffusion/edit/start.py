"""Where an edit of a sound begins: its latent under some noise (SDEdit, arXiv 2108.01073)."""

from dataclasses import dataclass

from auffusion.denoise import SeededScheduler
from auffusion.errors import InputError
from auffusion.shapes import Latent


@dataclass(frozen=True)
class Start:
    """A noised latent and the walk that leads from it to a clean one."""

    latent: Latent
    """Where to begin; the clean latent itself when there is nothing to walk."""
    walk: SeededScheduler
    """The rest of the walk."""


def start_from(
    latent: Latent, strength: float, *, noise: Latent, walk: SeededScheduler, steps: int
) -> Start:
    """The start of a walk that goes on from a given sound (paper App. E.2).

    The walk begins at step ``N - int(N · strength)`` of N, under the noise of that step, as in
    diffusers' image-to-image pipeline. PNDM, whose second timestep stands twice, makes
    ``int(N · strength) + 1`` predictions, one even at strength 0; all others make
    ``int(N · strength)``.

    Args:
        latent: clean.
        strength: 0 (as good as untouched) to 1 (the most noise there is; the paper's n).
        noise: of deviation one, of the latent's shape.
        walk: prepared for all steps.
        steps: N, with which it was prepared.

    Raises:
        InputError: a strength out of range.
    """
    check_strength(strength)
    late = walk.late(steps - min(int(steps * strength), steps))
    if not len(late.timesteps):
        return Start(latent, late)
    return Start(late.add_noise(latent, noise, late.timesteps[0]), late)


def check_strength(strength: float) -> None:
    """Raise `InputError` for a strength that is out of range."""
    # Written so that NaN fails too.
    if not 0.0 <= strength <= 1.0:
        raise InputError(f"the strength {strength} is out of range: choose 0 to 1")
