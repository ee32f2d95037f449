import pytest
import torch

from auffusion.denoise import item_generators, item_seeds, noise_from, seeded_noise
from auffusion.errors import InputError

SHAPE = (4, 32, 128)


def test_an_items_noise_does_not_depend_on_its_neighbours():
    together = seeded_noise([5, 9, 2], SHAPE)
    for item, seed in zip(together, [5, 9, 2], strict=True):
        assert torch.equal(item[None], seeded_noise([seed], SHAPE))


def test_it_is_what_torch_draws_for_that_seed():
    expected = torch.randn(SHAPE, generator=torch.Generator().manual_seed(42))
    assert torch.equal(seeded_noise([42], SHAPE)[0], expected)


def test_it_is_standard_normal():
    noise = seeded_noise(range(16), SHAPE)
    # 262144 numbers: the mean's deviation is 0.002, that of the deviation 0.0014.
    assert abs(noise.mean().item()) < 0.01
    assert abs(noise.std().item() - 1) < 0.007


def test_a_generator_goes_on_where_it_was():
    generators = item_generators([7])
    first, second = (noise_from(generators, SHAPE) for _ in range(2))
    assert torch.equal(first, seeded_noise([7], SHAPE))
    assert not torch.equal(first, second)


def test_global_seeding_plays_no_part():
    torch.manual_seed(1)
    first = seeded_noise([3], SHAPE)
    torch.manual_seed(2)
    assert torch.equal(first, seeded_noise([3], SHAPE))


class TestItemSeeds:
    def test_without_seeds_items_are_counted(self):
        assert item_seeds(3) == [0, 1, 2]

    def test_given_seeds_are_kept(self):
        assert item_seeds(2, (7, 2**32 - 1)) == [7, 2**32 - 1]

    @pytest.mark.parametrize("seeds", [[], [1], [1, 2, 3]])
    def test_another_number_of_seeds_is_refused(self, seeds):
        with pytest.raises(InputError, match=f"2 items need 2 seeds, {len(seeds)} were given"):
            item_seeds(2, seeds)

    @pytest.mark.parametrize("seed", [-1, 2**32, 2**70])
    def test_a_seed_out_of_range_is_refused(self, seed):
        with pytest.raises(InputError, match="out of range: choose one from 0 to 4294967295"):
            item_seeds(1, [seed])

    def test_a_larger_seed_would_repeat_a_smaller_one(self):
        # Why the range ends there: torch's CPU generator drops the upper half of a seed.
        assert torch.equal(seeded_noise([2**32 + 3], SHAPE), seeded_noise([3], SHAPE))
