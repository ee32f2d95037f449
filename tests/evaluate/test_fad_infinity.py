"""FAD-∞ on Gaussians whose distance is known, and its line against numpy's."""

import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.fad_infinity import fad_infinity
from auffusion.evaluate.frechet import frechet_distance


def rows(count, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, 16)) + shift


def test_it_is_nearer_the_true_distance_than_the_distance_of_the_clips():
    # Of these two Gaussians the distance is that of their means: 16 steps of 0.25.
    reference, generated = rows(20_000, 0), rows(600, 1, 0.25)
    found = fad_infinity(reference, generated, steps=15, least=100, seed=0)
    plain = frechet_distance(reference, generated)
    assert abs(found.score - 1.0) < 0.5 * abs(plain - 1.0)
    assert found.slope > 0
    assert 0.5 < found.r_squared <= 1.0
    assert 0 < found.standard_error < 0.2


def test_the_line_is_numpys():
    found = fad_infinity(rows(300, 0), rows(200, 1), steps=9, least=50, seed=3)
    (slope, score), covariance = np.polyfit(1 / np.array(found.sizes), found.distances, 1, cov=True)
    assert (found.slope, found.score) == pytest.approx((slope, score), rel=1e-9)
    assert found.standard_error == pytest.approx(covariance[1, 1] ** 0.5, rel=1e-9)
    r = np.corrcoef(1 / np.array(found.sizes), found.distances)[0, 1]
    assert found.r_squared == pytest.approx(r**2)
    assert (found.sizes[0], found.sizes[-1], len(found.sizes)) == (50, 200, 9)


def test_a_seed_is_a_score():
    a, b = rows(100, 0), rows(100, 1)
    one = fad_infinity(a, b, steps=4, least=20, seed=5)
    assert fad_infinity(a, b, steps=4, least=20, seed=5) == one
    assert fad_infinity(a, b, steps=4, least=20, seed=6).score != one.score


def test_a_set_without_spread_lies_on_its_line():
    a = np.ones((30, 3))
    found = fad_infinity(a, a + 1, steps=4, least=10)
    assert (found.score, found.r_squared) == pytest.approx((3.0, 1.0))


@pytest.mark.parametrize(("count", "steps", "least"), [(499, 25, 500), (100, 2, 50), (9, 5, 1)])
def test_too_few_rows_for_a_line_are_refused(count, steps, least):
    with pytest.raises(InputError, match="FAD-∞ draws"):
        fad_infinity(rows(50, 0), rows(count, 1), steps=steps, least=least)
