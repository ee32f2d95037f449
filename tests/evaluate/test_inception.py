"""The inception score where its value is known, and against a plain loop in torch."""

import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.evaluate.inception import inception_score


def by_loop(logits, splits, seed):
    """As arXiv 1606.03498 defines it, of the parts that audioldm_eval cuts."""
    order = np.random.RandomState(seed).permutation(len(logits))
    p = torch.from_numpy(logits[order]).double().softmax(dim=1)
    scores = []
    for part in range(splits):
        rows = p[part * len(p) // splits : (part + 1) * len(p) // splits]
        marginal = rows.mean(dim=0)
        scores.append(
            float(torch.stack([(r * (r / marginal).log()).sum() for r in rows]).mean().exp())
        )
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("count", [10, 23, 100])
def test_it_is_what_the_loop_gives(count):
    logits = np.random.default_rng(0).normal(size=(count, 7)) * 3
    found = inception_score(logits)
    assert found == pytest.approx(by_loop(logits, 10, 2020), rel=1e-10)
    assert inception_score(logits, splits=3, seed=1) == pytest.approx(by_loop(logits, 3, 1))


def test_clear_and_varied_clips_score_the_number_of_classes():
    classes = np.tile(np.eye(4), (5, 1)) * 1e3
    assert inception_score(classes, splits=1) == pytest.approx((4.0, 0.0))


def test_equal_clips_and_clips_without_a_clue_score_one():
    assert inception_score(np.tile([[5.0, 1.0, 0.0]], (30, 1))) == pytest.approx((1.0, 0.0))
    assert inception_score(np.zeros((30, 5))) == pytest.approx((1.0, 0.0))


def test_classes_that_no_float_can_hold_add_nothing():
    found = inception_score(np.tile([[2e3, 0.0], [1e3, 0.0]], (10, 1)))
    assert found == pytest.approx((1.0, 0.0))


@pytest.mark.parametrize(("count", "splits"), [(9, 10), (0, 10), (1, 2), (5, 0)])
def test_fewer_clips_than_parts_are_refused_instead_of_nan(count, splits):
    with pytest.raises(InputError, match=r"cuts the clips into|have 0 rows"):
        inception_score(np.ones((count, 4)), splits=splits)
