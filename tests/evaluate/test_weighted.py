"""Scores of drawn clips are the plain metrics of those clips, repeated."""

import itertools

import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Clips
from auffusion.evaluate.diversity import diversity
from auffusion.evaluate.fad_infinity import fad_infinity
from auffusion.evaluate.frechet import frechet_distance
from auffusion.evaluate.inception import inception_score
from auffusion.evaluate.kernel import kernel_distance, median_distance
from auffusion.evaluate.weighted import (
    ClipRows,
    WeightedDiversity,
    WeightedFadInfinity,
    WeightedFrechet,
    WeightedInception,
    WeightedKernel,
    WeightedMean,
)

CLIPS = Clips(reference=14, generated=17, paired=False)
DRAW = CLIPS.draw(0, 0)


def rows(count, width, seed):
    return np.random.default_rng(seed).normal(size=(count, width)) + 5.0


def repeated(values, counts):
    return np.repeat(values, counts, axis=0)


@pytest.mark.parametrize("width", [4, 12, 40])  # by covariances and by products of rows
def test_the_frechet_distance_of_a_draw_is_that_of_its_rows(width):
    a, b = rows(14, width, 0), rows(17, width, 1) * 1.3
    found = WeightedFrechet(ClipRows.of(a), ClipRows.of(b))
    wanted = frechet_distance(repeated(a, DRAW.reference), repeated(b, DRAW.generated))
    assert found(DRAW) == pytest.approx(wanted, rel=1e-8)
    assert found(CLIPS.once()) == pytest.approx(frechet_distance(a, b), rel=1e-8)


@pytest.mark.parametrize("width", [4, 80])
def test_all_pieces_of_a_clip_are_drawn_together(width):
    pieces = np.array([3, 1, 2, 5, 1, 1, 4, 2, 3, 3, 1, 2, 2, 2])
    a, b = rows(pieces.sum(), width, 0), rows(17, width, 1)
    found = WeightedFrechet(ClipRows(rows=a, pieces=pieces), ClipRows.of(b))
    which = np.split(a, np.cumsum(pieces)[:-1])
    drawn = np.concatenate(
        [which[clip] for clip, count in enumerate(DRAW.reference) for _ in range(count)]
    )
    wanted = frechet_distance(drawn, repeated(b, DRAW.generated))
    assert found(DRAW) == pytest.approx(wanted, rel=1e-8)
    with pytest.raises(InputError, match="rows are not those of 30 pieces"):
        ClipRows(rows=a, pieces=pieces[1:4] * 5 - np.array([5, 0, 5]))


def test_a_repeated_clip_is_not_compared_with_itself():
    a, b = rows(14, 5, 0), rows(17, 5, 1) + 0.5
    found = WeightedKernel(a, b, None)
    assert found(CLIPS.once()) == pytest.approx(kernel_distance(a, b), rel=1e-10)
    width = median_distance(a)

    def kernel(x, y):
        return np.exp(-np.square(x - y).sum() / (2 * width**2 + 1e-8))

    def within(values, counts):
        drawn = np.repeat(np.arange(len(values)), counts)
        pairs = [(i, j) for i, j in itertools.permutations(drawn, 2) if i != j]
        return np.mean([kernel(values[i], values[j]) for i, j in pairs])

    between = np.mean(
        [kernel(x, y) for x in repeated(a, DRAW.reference) for y in repeated(b, DRAW.generated)]
    )
    wanted = 100 * (within(a, DRAW.reference) + within(b, DRAW.generated) - 2 * between)
    assert found(DRAW) == pytest.approx(wanted, rel=1e-9)


def test_unlike_the_frechet_distance_the_kernels_does_not_rise_by_drawing():
    clips = Clips(reference=30, generated=30)
    a, b = rows(30, 16, 0), rows(30, 16, 1) + 0.3
    draws = [clips.draw(0, k) for k in range(300)]
    kernel, frechet = WeightedKernel(a, b, None), WeightedFrechet(ClipRows.of(a), ClipRows.of(b))
    by_kernel = [kernel(draw) for draw in draws]
    error = np.std(by_kernel) / np.sqrt(len(draws))
    assert np.mean(by_kernel) == pytest.approx(kernel(clips.once()), abs=4 * error)
    by_frechet = [frechet(draw) for draw in draws]
    assert np.mean(by_frechet) > frechet(clips.once()) + 2 * np.std(by_frechet)


def test_a_clip_and_its_own_reference_are_no_closer_in_draws_than_in_the_score():
    clips = Clips(reference=20, generated=20)
    a = rows(20, 6, 0)
    b = a + 0.1 * rows(20, 6, 1)  # each generated clip is much like its own reference
    draws = [clips.draw(0, k) for k in range(400)]
    paired = WeightedKernel(a, b, paired=True)
    assert paired(clips.once()) == pytest.approx(kernel_distance(a, b), rel=1e-9)
    found = [paired(draw) for draw in draws]
    error = np.std(found) / np.sqrt(len(draws))
    assert np.mean(found) == pytest.approx(paired(clips.once()), abs=4 * error)
    plain = WeightedKernel(a, b)
    assert np.mean([plain(draw) for draw in draws]) < paired(clips.once()) - 10 * error


def test_diversity_and_means_and_inception_of_a_draw():
    embeddings = rows(17, 4, 2)
    assert WeightedDiversity(embeddings)(CLIPS.once()) == pytest.approx(diversity(embeddings))
    drawn = np.repeat(np.arange(17), DRAW.generated)
    pairs = [(i, j) for i, j in itertools.combinations(drawn, 2) if i != j]
    wanted = np.mean([diversity(embeddings[[i, j]]) for i, j in pairs])
    assert WeightedDiversity(embeddings)(DRAW) == pytest.approx(wanted, rel=1e-9)

    logits = rows(17, 6, 3) * 2
    wanted = inception_score(repeated(logits, DRAW.generated), splits=5, seed=9).mean
    assert WeightedInception(logits, splits=5, seed=9)(DRAW) == pytest.approx(wanted, rel=1e-12)

    values = logits[:, 0]
    assert WeightedMean(values)(DRAW) == pytest.approx(repeated(values, DRAW.generated).mean())


def test_fad_infinity_of_a_draw():
    a, b = ClipRows.of(rows(14, 3, 0)), ClipRows.of(rows(17, 3, 1))
    found = WeightedFadInfinity(a, b, steps=4, least=8, seed=2)(DRAW)
    sides = repeated(a.rows, DRAW.reference), repeated(b.rows, DRAW.generated)
    assert found == pytest.approx(fad_infinity(*sides, steps=4, least=8, seed=2).score, rel=1e-9)
