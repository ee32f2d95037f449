"""Metrics against answers in multiple precision (tests/golden/write_scores.py)."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from auffusion.evaluate.clap_score import clap_score
from auffusion.evaluate.divergence import Activation, Direction, kl_divergence
from auffusion.evaluate.diversity import diversity
from auffusion.evaluate.frechet import GaussianStatistics, frechet_distance, gaussian_distance
from auffusion.evaluate.inception import inception_score
from auffusion.evaluate.kernel import kernel_distance

GOLDEN = Path(__file__).parents[1] / "golden"
ROWS = load_file(GOLDEN / "scores.safetensors")
WANTED = {name: float(x) for name, x in json.loads((GOLDEN / "scores.json").read_text()).items()}
A, B, P, Q = (ROWS[n] for n in ("reference", "generated", "reference_logits", "generated_logits"))


def statistics_distance():
    return gaussian_distance(GaussianStatistics.of(A), GaussianStatistics.of(B))


def kl(**choices):
    return kl_divergence(P, Q, **choices).mean()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("frechet", frechet_distance(A, B)),
        ("frechet", statistics_distance()),
        ("frechet of few", frechet_distance(A[:7], B[:8])),
        ("kernel", kernel_distance(A, B)),
        ("kl softmax 1e-6", kl()),
        ("kl softmax 0", kl(epsilon=0.0)),
        ("kl softmax back", kl(direction=Direction.GENERATED_REFERENCE)),
        ("kl sigmoid", kl(activation=Activation.SIGMOID)),
        ("inception", inception_score(Q).mean),
        ("inception deviation", inception_score(Q).deviation),
        ("cosine", clap_score(P, Q).mean()),
        ("diversity", diversity(B)),
    ],
)
def test_ten_digits_are_right(name, found):
    assert found == pytest.approx(WANTED[name], rel=1e-10)


def test_every_answer_is_asked_for():
    assert len(WANTED) == 11
    assert all(np.isfinite(list(WANTED.values())))
