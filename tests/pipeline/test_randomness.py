import pytest
import torch

from auffusion.denoise import noise_from
from auffusion.errors import InputError
from auffusion.pipeline.randomness import choose_randomness


def test_without_a_word_the_seeds_count_from_nought():
    assert choose_randomness(3).seeds == (0, 1, 2)


def test_a_seed_is_the_generator_of_that_seed():
    seeded = choose_randomness(2, seeds=[5, 6])
    given = choose_randomness(2, generator=[torch.Generator().manual_seed(s) for s in (5, 6)])
    first, second = (noise_from(r.generators, (4, 8, 32)) for r in (seeded, given))
    assert torch.equal(first, second)
    assert seeded.seeds == (5, 6)
    assert given.seeds is None


def test_one_generator_draws_the_batch_as_diffusers_does():
    shared = choose_randomness(2, generator=torch.Generator().manual_seed(7))
    expected = torch.randn((2, 4, 8, 32), generator=torch.Generator().manual_seed(7))
    assert torch.equal(noise_from(shared.generators, (4, 8, 32)), expected)


def test_seeds_and_generators_contradict_each_other():
    with pytest.raises(InputError, match="not both"):
        choose_randomness(1, seeds=[0], generator=torch.Generator())


def test_there_are_as_many_generators_as_sounds():
    with pytest.raises(InputError, match="2 items need 2 generators, 1"):
        choose_randomness(2, generator=[torch.Generator()])


def test_there_are_as_many_seeds_as_sounds():
    with pytest.raises(InputError, match="2 items need 2 seeds"):
        choose_randomness(2, seeds=[1])
