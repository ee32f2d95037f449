"""Write scores.safetensors and scores.json: features and what metrics of them are, to 30 digits.

    python tests/golden/write_scores.py

Every answer is computed from its definition in multiple precision (mpmath), by loops and by
eigenvalues, without any code of ours: a second opinion that no library's version changes.
"""

import json
from itertools import pairwise
from pathlib import Path

import mpmath
import numpy as np
from mpmath import mpf
from safetensors.numpy import save_file

HERE = Path(__file__).parent
PAIRS, WIDTH, CLASSES = 24, 10, 7
mpmath.mp.dps = 30


def features():
    """Rows of two sides (more and fewer than features), logits and embeddings; float32."""
    generator = np.random.default_rng(2024)
    mixing = generator.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5
    reference = np.maximum(generator.normal(size=(PAIRS, WIDTH)) @ mixing + 0.3, 0.0)
    generated = np.maximum(generator.normal(size=(PAIRS, WIDTH)) @ mixing * 1.2 + 0.5, 0.0)
    drawn = {
        "reference": reference,
        "generated": generated,
        "reference_logits": 3.0 * generator.normal(size=(PAIRS, CLASSES)),
        "generated_logits": 3.0 * generator.normal(size=(PAIRS, CLASSES)),
    }
    return {name: rows.astype(np.float32) for name, rows in drawn.items()}


def exact(rows):
    return [[mpf(float(value)) for value in row] for row in rows]


def mean(values):
    return mpmath.fsum(values) / len(values)


def mean_row(rows):
    return [mean(column) for column in zip(*rows, strict=True)]


def frechet(first, second):
    """By the eigenvalues of the small matrix of products of centred rows."""
    middles = [mean_row(rows) for rows in (first, second)]
    centred = [
        mpmath.matrix([[x - m for x, m in zip(row, middle, strict=True)] for row in rows])
        for rows, middle in zip((first, second), middles, strict=True)
    ]
    scale = (len(first) - 1) * (len(second) - 1)
    cross = centred[0] * centred[1].T
    eigenvalues = mpmath.eigsy(cross.T * cross / scale, eigvals_only=True)
    root = mpmath.fsum(mpmath.sqrt(max(value, mpf(0))) for value in eigenvalues)
    spread = mpmath.fsum(
        mpmath.fsum(value**2 for value in matrix) / (matrix.rows - 1) for matrix in centred
    )
    shift = mpmath.fsum((a - b) ** 2 for a, b in zip(*middles, strict=True))
    return shift + spread - 2 * root


def squared(a, b):
    return mpmath.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def kernel_distance(first, second):
    """Squared discrepancy times 100, the width being the first side's lower median distance."""
    count = len(first)
    distances = sorted(
        mpmath.sqrt(squared(first[i], first[j])) for i in range(count) for j in range(i + 1, count)
    )
    width = distances[(len(distances) - 1) // 2]

    def kernel(a, b):
        return mpmath.exp(-squared(a, b) / (2 * width**2 + mpf("1e-8")))

    def within(rows):
        return mean(
            [kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
        )

    between = mean([kernel(a, b) for a in first for b in second])
    return 100 * (within(first) + within(second) - 2 * between)


def softmax(row):
    powers = [mpmath.exp(x) for x in row]
    return [power / mpmath.fsum(powers) for power in powers]


def sigmoid(row):
    return [1 / (1 + mpmath.exp(-x)) for x in row]


def divergence(first, second, activation, epsilon):
    def of_pair(a, b):
        pairs = zip(activation(a), activation(b), strict=True)
        return mpmath.fsum(p * (mpmath.log(p) - mpmath.log(q + epsilon)) for p, q in pairs)

    return mean([of_pair(a, b) for a, b in zip(first, second, strict=True)])


def inception(logits, splits):
    order = np.random.RandomState(2020).permutation(len(logits))
    probabilities = [softmax(logits[k]) for k in order]
    edges = [k * len(logits) // splits for k in range(splits + 1)]
    scores = []
    for a, b in pairwise(edges):
        part = probabilities[a:b]
        marginal = mean_row(part)
        own = [
            mpmath.fsum(p * mpmath.log(p / m) for p, m in zip(row, marginal, strict=True))
            for row in part
        ]
        scores.append(mpmath.exp(mean(own)))
    middle = mean(scores)
    return middle, mpmath.sqrt(mean([(score - middle) ** 2 for score in scores]))


def cosine(a, b):
    product = mpmath.fsum(x * y for x, y in zip(a, b, strict=True))
    return product / mpmath.sqrt(squared(a, [0] * len(a)) * squared(b, [0] * len(b)))


def diversity(rows):
    count = len(rows)
    return mean([1 - cosine(rows[i], rows[j]) for i in range(count) for j in range(i)])


def main():
    arrays = features()
    save_file(arrays, HERE / "scores.safetensors")
    a, b = exact(arrays["reference"]), exact(arrays["generated"])
    p, q = exact(arrays["reference_logits"]), exact(arrays["generated_logits"])
    score, deviation = inception(q, 10)
    scores = {
        "frechet": frechet(a, b),
        "frechet of few": frechet(a[:7], b[:8]),
        "kernel": kernel_distance(a, b),
        "kl softmax 1e-6": divergence(p, q, softmax, mpf("1e-6")),
        "kl softmax 0": divergence(p, q, softmax, mpf(0)),
        "kl softmax back": divergence(q, p, softmax, mpf("1e-6")),
        "kl sigmoid": divergence(p, q, sigmoid, mpf("1e-6")),
        "inception": score,
        "inception deviation": deviation,
        "cosine": mean([cosine(x, y) for x, y in zip(p, q, strict=True)]),
        "diversity": diversity(b),
    }
    told = {name: mpmath.nstr(value, 20) for name, value in scores.items()}
    (HERE / "scores.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
