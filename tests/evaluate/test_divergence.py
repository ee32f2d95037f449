"""KL against torch's own, where its value is known, and at the edges of the floats."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from auffusion.errors import InputError
from auffusion.evaluate.divergence import Activation, Direction, kl_divergence

LOGITS = np.random.default_rng(0).normal(size=(2, 20, 11)) * 3


def by_torch(reference, generated, activation, epsilon):
    p, q = (
        x.sigmoid() if activation == "sigmoid" else x.softmax(dim=1)
        for x in map(torch.from_numpy, (reference, generated))
    )
    return F.kl_div((q + epsilon).log(), p, reduction="none").sum(dim=1).numpy()


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("epsilon", [1e-6, 0.0])
def test_each_suite_has_its_own_number(activation, epsilon):
    reference, generated = LOGITS
    found = kl_divergence(reference, generated, activation=activation, epsilon=epsilon)
    np.testing.assert_allclose(
        found, by_torch(reference, generated, activation, epsilon), rtol=1e-9
    )
    back = kl_divergence(
        reference,
        generated,
        activation=activation,
        direction=Direction.GENERATED_REFERENCE,
        epsilon=epsilon,
    )
    np.testing.assert_allclose(back, by_torch(generated, reference, activation, epsilon), rtol=1e-9)
    assert abs(back.mean() / found.mean() - 1) > 0.01


def test_two_classes_have_a_value_on_paper():
    p, q = np.array([[0.75, 0.25]]), np.array([[0.5, 0.5]])
    wanted = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert kl_divergence(np.log(p), np.log(q), epsilon=0.0)[0] == pytest.approx(wanted)
    forward = 0.75 * np.log(0.75 / 0.6) + 0.25 * np.log(0.25 / 0.6)
    assert kl_divergence(np.log(p), np.log(q), epsilon=0.1)[0] == pytest.approx(forward)


def test_the_same_clip_has_no_divergence_but_for_epsilon():
    assert np.abs(kl_divergence(LOGITS[0], LOGITS[0], epsilon=0.0)).max() == 0.0
    with_epsilon = kl_divergence(LOGITS[0], LOGITS[0])
    assert (with_epsilon < 0).all()
    assert (with_epsilon > -11e-6).all()


def test_opposite_clips_stop_at_the_bound_of_epsilon_and_stay_finite_without_it():
    sure = np.array([[1e4, 0.0]])
    assert kl_divergence(sure, -sure)[0] == pytest.approx(-np.log(1e-6), rel=1e-6)
    assert kl_divergence(sure, sure[:, ::-1], epsilon=0.0)[0] == pytest.approx(1e4)
    sigmoid = kl_divergence(sure, -sure, activation=Activation.SIGMOID, epsilon=0.0)
    assert np.isfinite(sigmoid).all()


@pytest.mark.parametrize(
    ("reference", "generated", "epsilon", "sentence"),
    [
        (np.ones((3, 4)), np.ones((2, 4)), 1e-6, "3 rows and the generated clips 2: row k"),
        (np.ones((3, 4)), np.ones((3, 5)), 1e-6, "4 features and the generated clips 5"),
        (np.ones((0, 4)), np.ones((0, 4)), 1e-6, "0 rows, expected at least 1"),
        (np.full((3, 4), np.nan), np.ones((3, 4)), 1e-6, "NaN"),
        (np.ones((3, 4)), np.ones((3, 4)), -1.0, "epsilon is -1.0, expected 0 or more"),
    ],
)
def test_what_is_no_pair_of_logits_is_refused(reference, generated, epsilon, sentence):
    with pytest.raises(InputError, match=sentence):
        kl_divergence(reference, generated, epsilon=epsilon)
