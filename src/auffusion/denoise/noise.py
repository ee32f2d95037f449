"""Noise that depends on the seed of an item, and not on its neighbours in the batch."""

from collections.abc import Sequence

import torch

from auffusion.errors import InputError
from auffusion.shapes import Latent

# torch seeds its CPU generator with the low 32 bits only: 2³² would sound like 0.
_SEEDS = 2**32


def item_seeds(count: int, seeds: Sequence[int] | None = None) -> list[int]:
    """A seed for each of `count` items: the given ones, or 0, 1, 2, … in turn.

    >>> item_seeds(3)
    [0, 1, 2]

    Raises:
        InputError: another number of seeds than of items, or one outside 0 … 2³² - 1.
    """
    if seeds is None:
        return list(range(count))
    if len(seeds) != count:
        raise InputError(f"{count} items need {count} seeds, {len(seeds)} were given")
    for seed in seeds:
        if not 0 <= seed < _SEEDS:
            raise InputError(f"the seed {seed} is out of range: choose one from 0 to {_SEEDS - 1}")
    return list(seeds)


def item_generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """A random generator for each seed, on the CPU so that a seed sounds the same everywhere."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def noise_from(generators: Sequence[torch.Generator], shape: tuple[int, int, int]) -> Latent:
    """Standard normal noise, one generator to an item, drawn where the generator lives.

    It is drawn in float32 whatever the network's precision, so that a seed sounds alike in each.
    """
    return torch.stack(
        [torch.randn(shape, generator=source, device=source.device) for source in generators]
    )


def seeded_noise(seeds: Sequence[int], shape: tuple[int, int, int]) -> Latent:
    """Standard normal noise of `shape` (channel, height, width), one seed to an item.

    >>> together = seeded_noise([1, 2], (4, 8, 32))
    >>> alone = seeded_noise([2], (4, 8, 32))
    >>> torch.equal(together[1:], alone)
    True
    """
    return noise_from(item_generators(seeds), shape)
