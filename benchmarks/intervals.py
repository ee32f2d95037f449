"""How often intervals of a Fréchet distance hold what they should, by drawing many data sets.

    OMP_NUM_THREADS=1 python benchmarks/intervals.py

Features are drawn from two fixed distributions after a ReLU, as often as is asked for; the
expected distance at that number of clips is the mean over many such data sets. Of each data set
the bootstrap makes intervals, and each method's share of those that hold the expected distance is
printed: 95 % is what they promise.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auffusion.evaluate.bootstrap import Clips, Method, interval, replicates
from auffusion.evaluate.frechet import frechet_distance
from auffusion.evaluate.weighted import ClipRows, WeightedFrechet

Rows = NDArray[np.float64]
SETTINGS = ((64, 40, True), (64, 40, False), (64, 200, True), (128, 100, False), (16, 100, False))


def data_sets(
    features: int, clips: int, *, paired: bool, count: int
) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of feature sets; paired ones share most of what decides a row."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(features, features)) / features**0.5
    mixing = mixing * np.geomspace(1, 0.05, features)
    for _ in range(count):
        shared, own = generator.normal(size=(2, clips, features))
        other = 0.8 * shared + 0.6 * own if paired else own
        yield np.maximum(shared @ mixing, 0.0), np.maximum(other @ mixing * 1.1 + 0.1, 0.0)


def coverage(features: int, clips: int, *, paired: bool, sets: int, draws: int) -> str:
    """One line of the table."""
    many = [frechet_distance(*one) for one in data_sets(features, clips, paired=paired, count=400)]
    expected = float(np.mean(many))
    held = dict.fromkeys(Method, 0)
    errors: list[float] = []
    rises: list[float] = []
    number = Clips(reference=clips, generated=clips, paired=paired)
    for seed, (a, b) in enumerate(data_sets(features, clips, paired=paired, count=sets)):
        estimate = frechet_distance(a, b)
        statistic = WeightedFrechet(ClipRows.of(a), ClipRows.of(b))
        drawn = replicates(statistic, number, count=draws, seed=seed)
        errors.append(float(drawn.std(ddof=1)))
        rises.append(float(drawn.mean()) - estimate)
        for method in Method:
            told = interval(estimate, drawn, method=method)
            held[method] += told.low <= expected <= told.high
    shares = " ".join(f"{method} {count / sets:.0%}" for method, count in held.items())
    return (
        f"{clips} clips, {features} features, {'paired' if paired else 'not paired'}: "
        f"FD {expected:.3f}, its deviation {np.std(many):.3f}, of draws {np.mean(errors):.3f}; "
        f"draws lie {np.mean(rises):.3f} above; held: {shares}"
    )


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sets", type=int, default=100)
    words.add_argument("--draws", type=int, default=200)
    given = words.parse_args()
    for features, clips, paired in SETTINGS:
        line = coverage(features, clips, paired=paired, sets=given.sets, draws=given.draws)
        print(line, flush=True)


if __name__ == "__main__":
    main()
