import itertools

import numpy as np
import pytest
import scipy.spatial.distance

from auffusion.errors import InputError
from auffusion.evaluate.diversity import distances, diversity

ROWS = np.random.default_rng(0).normal(size=(12, 5))


def test_it_is_the_mean_over_pairs():
    wanted = scipy.spatial.distance.pdist(ROWS, "cosine")
    assert diversity(ROWS) == pytest.approx(wanted.mean(), rel=1e-12)
    pairs = [distances(ROWS)[i, j] for i, j in itertools.combinations(range(12), 2)]
    np.testing.assert_allclose(pairs, wanted, rtol=1e-9)


def test_one_sound_again_and_again_has_none_and_opposites_have_most():
    assert diversity(np.tile(ROWS[:1], (5, 1))) == pytest.approx(0.0, abs=1e-12)
    assert diversity([[1.0, 0.0], [-1.0, 0.0]]) == 2.0


def test_one_clip_and_no_direction_are_refused():
    with pytest.raises(InputError, match="embeddings have 1 rows, expected at least 2"):
        diversity(ROWS[:1])
    with pytest.raises(InputError, match="zero in row 0"):
        diversity(np.zeros((3, 2)))
