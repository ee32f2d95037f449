"""Where the noise of each sound comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from auffusion.denoise import item_generators, item_seeds
from auffusion.errors import InputError


@dataclass(frozen=True)
class Randomness:
    """A generator for each sound of a call; it draws the first noise and then that of each step.

    That it is one stream matters: two generators of one seed would draw the same noise twice.
    """

    generators: tuple[torch.Generator, ...]
    """One an item; a generator that diffusers' callers share over the batch stands here often."""
    seeds: tuple[int, ...] | None
    """The seeds, when the items have their own; None when generators were given."""


def choose_randomness(
    count: int,
    *,
    seeds: Sequence[int] | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Randomness:
    """The generators of `count` sounds.

    Args:
        count: number of sounds.
        seeds: one an item; None is 0, 1, 2, …
        generator: in place of seeds, as in diffusers: one for the batch, drawn item after item,
            or one an item.

    Raises:
        InputError: both are given, or another number of them than of sounds.
    """
    if generator is None:
        chosen = tuple(item_seeds(count, seeds))
        return Randomness(tuple(item_generators(chosen)), chosen)
    if seeds is not None:
        raise InputError("give seeds or generator, not both: each decides the noise")
    if isinstance(generator, torch.Generator):
        return Randomness((generator,) * count, None)
    if len(generator) != count:
        raise InputError(f"{count} items need {count} generators, {len(generator)} were given")
    return Randomness(tuple(generator), None)
