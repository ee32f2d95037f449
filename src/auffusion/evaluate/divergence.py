"""Kullback-Leibler divergence of what a classifier hears in two clips of the same caption (KL).

Conventions
-----------
Row k of both arrays are a classifier's logits of the same clip, recorded and generated, before any
activation; all counting is in float64. A divergence is one number a pair: the score is their mean.

Metrics
-------
* `kl_divergence`: Σ_c P_c (log P_c - log (Q_c + ε)), with P of the one side and Q of the other.
  Under one name the field has at least four (audioldm_eval `metrics/kl.py`, av-benchmark
  `metrics/kl.py`, stable-audio-metrics `passt_kld.py`, audiocraft `metrics/kld.py`):

  ================ ===================== ===== ==========================
  suite            direction             ε     of
  ================ ===================== ===== ==========================
  audioldm_eval    reference, generated  1e-6  PANNs, softmax and sigmoid
  audiocraft       reference, generated  1e-6  PaSST, each segment
  av-benchmark     reference, generated  0     PaSST, PANNs
  stable-audio     generated, reference  1e-6  PaSST, mean of windows
  ================ ===================== ===== ==========================

  With sigmoids the classes do not sum to one and the (1 - P) terms are left out, as there: the
  number is no divergence in the strict sense and may be negative.
"""

from enum import StrEnum

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.rows import Rows, Values, as_rows, check_pairs


class Activation(StrEnum):
    """What makes probabilities of logits."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"


class Direction(StrEnum):
    """Whose probabilities weight the sum."""

    REFERENCE_GENERATED = "reference-generated"
    """KL(reference ‖ generated)."""
    GENERATED_REFERENCE = "generated-reference"
    """KL(generated ‖ reference)."""


def validate(reference: ArrayLike, generated: ArrayLike) -> tuple[Rows, Rows]:
    """Both sides' logits in float64.

    Raises:
        InputError: no pairs, different numbers of rows or classes, NaN or infinite values.
    """
    ours = as_rows(reference, "the reference's logits")
    theirs = as_rows(generated, "the generated clips' logits")
    check_pairs(ours, theirs)
    return ours, theirs


def kl_divergence(
    reference: ArrayLike,
    generated: ArrayLike,
    *,
    activation: Activation = Activation.SOFTMAX,
    direction: Direction = Direction.REFERENCE_GENERATED,
    epsilon: float = 1e-6,
) -> Values:
    """Divergence of each pair, in nats.

    >>> kl_divergence([[0.0, 0.0]], [[0.0, 0.0]], epsilon=0.0).tolist()
    [0.0]

    Args:
        reference: logits [pair, class].
        generated: logits [pair, class].
        activation: softmax or sigmoid.
        direction: whose probabilities weight the sum.
        epsilon: added to the other side's probabilities; it bounds the divergence by -log ε.

    Raises:
        InputError: as for `validate`, or a negative epsilon.
    """
    if epsilon < 0:
        raise InputError(f"epsilon is {epsilon}, expected 0 or more")
    ours, theirs = validate(reference, generated)
    if direction is Direction.GENERATED_REFERENCE:
        ours, theirs = theirs, ours
    log_p, log_q = log_probabilities(ours, activation), log_probabilities(theirs, activation)
    if epsilon:
        log_q = np.log(np.exp(log_q) + epsilon)
    # Where P is too small for a float, the product is 0 as it should be: the logarithms are finite.
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=1)


def log_probabilities(
    logits: Rows, activation: Activation = Activation.SOFTMAX
) -> Float64[np.ndarray, "row feature"]:
    """Logarithms of the probabilities, finite however small these are."""
    if activation is Activation.SIGMOID:
        return -np.logaddexp(0.0, -logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
