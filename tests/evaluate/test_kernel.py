"""The kernel distance against a plain double loop, and where its value is known."""

import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.evaluate.kernel import kernel_distance, median_distance


def rows(count, width, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, width)) + shift


def by_loops(a, b, width):
    def kernel(x, y):
        return np.exp(-np.square(x - y).sum() / (2 * width**2 + 1e-8))

    def own(x):
        values = [kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return np.mean(values)

    return 100 * (own(a) + own(b) - 2 * np.mean([kernel(x, y) for x in a for y in b]))


def test_it_is_what_two_loops_give():
    a, b = rows(12, 5, 0), rows(9, 5, 1, 0.5)
    width = torch.median(torch.pdist(torch.from_numpy(a))).item()
    assert median_distance(a) == pytest.approx(width, rel=1e-12)
    assert kernel_distance(a, b) == pytest.approx(by_loops(a, b, width), rel=1e-10)
    assert kernel_distance(a, b, bandwidth=0.7) == pytest.approx(by_loops(a, b, 0.7), rel=1e-10)


def test_whose_median_is_taken_changes_the_score():
    a, b = rows(30, 5, 0), rows(30, 5, 1) * 3
    ours, theirs = kernel_distance(a, b), kernel_distance(a, b, bandwidth=median_distance(b))
    assert abs(ours / theirs - 1) > 0.2


def test_two_points_each_have_a_value_on_paper():
    a, b = [[0.0], [2.0]], [[0.0], [2.0]]
    half = np.exp(-4.0 / (2 * 4.0 + 1e-8))  # of the only distance, which is the width too
    assert kernel_distance(a, b) == pytest.approx(100 * (2 * half - 2 * (1 + half) / 2))


def test_sets_of_one_distribution_are_zero_apart_on_average_whatever_their_size():
    for count in (10, 40):
        found = [kernel_distance(rows(count, 3, k), rows(count, 3, 500 + k)) for k in range(200)]
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found)) < 4 * error
        assert min(found) < 0 < max(found)


def test_rows_far_from_the_origin_keep_their_digits():
    a, b = rows(20, 4, 0), rows(20, 4, 1, 1.0)
    assert kernel_distance(a + 1e6, b + 1e6) == pytest.approx(kernel_distance(a, b), rel=1e-5)


def test_rows_that_are_all_alike_have_no_width():
    with pytest.raises(InputError, match="half of the clips have the same features"):
        kernel_distance(np.ones((5, 3)), rows(5, 3, 0))
    alike = kernel_distance(rows(5, 3, 0), np.ones((5, 3)))
    assert np.isfinite(alike)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), "reference's features have 1 rows"),
        (np.ones((4, 3)), np.ones((1, 3)), "generated clips' features have 1 rows"),
        (np.ones((4, 3)), np.ones((4, 2)), "3 features"),
    ],
)
def test_too_few_rows_and_other_networks_are_refused(a, b, sentence):
    with pytest.raises(InputError, match=sentence):
        kernel_distance(a, b)
