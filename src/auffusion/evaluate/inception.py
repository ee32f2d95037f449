"""Inception score (IS): are single clips clear, and all together varied?

Conventions
-----------
Rows are a classifier's logits of generated clips; no reference is needed. The rows are shuffled by
a seed and cut into parts, and the score is the mean over the parts, its deviation the population's
(arXiv 1606.03498; order and seed as in audioldm_eval, `metrics/isc.py`).

Metrics
-------
* `inception_score`: exp of the mean over a part of KL(p(y|x) ‖ p(y)), p(y) being the part's mean.
  It lies between 1 and the number of classes or of the part's clips, whichever is less.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.divergence import log_probabilities
from auffusion.evaluate.rows import Rows, as_rows


class InceptionScore(NamedTuple):
    """A score and how much it varies over the parts."""

    mean: float
    """Mean over the parts."""
    deviation: float
    """Population standard deviation over the parts."""


def validate(logits: ArrayLike, splits: int) -> Rows:
    """The logits in float64.

    Raises:
        InputError: fewer clips than parts, NaN or infinite values.
    """
    known = as_rows(logits, "the logits")
    if splits < 1 or len(known) < splits:
        raise InputError(
            f"the inception score cuts the clips into {splits} parts, but there are {len(known)} "
            "clips: give more of them, or leave this score out"
        )
    return known


def inception_score(logits: ArrayLike, *, splits: int = 10, seed: int = 2020) -> InceptionScore:
    """Inception score of logits.

    >>> inception_score([[50.0, 0.0], [0.0, 50.0]], splits=1).mean  # two clear clips, two classes
    2.0

    Args:
        logits: [clip, class], before any activation.
        splits: parts; part i has the shuffled rows from ⌊iN/splits⌋ on.
        seed: of the shuffle, by numpy's old generator as the original has it.

    Raises:
        InputError: as for `validate`.
    """
    known = validate(logits, splits)
    count = len(known)
    # The legacy generator is part of the published score's definition.
    order = np.random.RandomState(seed).permutation(count)
    log_p = log_probabilities(known)[order]
    edges = [part * count // splits for part in range(splits + 1)]
    scores = [_score_of(log_p[a:b]) for a, b in pairwise(edges)]
    return InceptionScore(mean=float(np.mean(scores)), deviation=float(np.std(scores)))


def _score_of(log_p: Rows) -> float:
    p = np.exp(log_p)
    # A class whose probability is 0 in all rows adds nothing.
    marginal = np.log(p.mean(axis=0).clip(min=np.finfo(np.float64).tiny))
    return float(np.exp((p * (log_p - marginal)).sum(axis=1).mean()))
