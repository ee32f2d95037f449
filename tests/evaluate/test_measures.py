"""Kinds of scores: which rows they take, and that their statistics belong to their values."""

from pathlib import Path

import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Clips, Method
from auffusion.evaluate.caption_measures import Clap, Recall
from auffusion.evaluate.divergence import kl_divergence
from auffusion.evaluate.frechet import frechet_distance
from auffusion.evaluate.kernel import kernel_distance, median_distance
from auffusion.evaluate.material import Material, RememberedFeatures, RememberedTexts, Side
from auffusion.evaluate.measures import (
    Divergence,
    Diversity,
    FadInfinity,
    Frechet,
    Inception,
    Kernel,
    Pieces,
)

NAMES = tuple(f"clip{k:02d}" for k in range(12))


class Drawn:
    """Random features: `embedding` in pieces, `logits` in one or in pieces."""

    def __init__(self, seed, pieces):
        generator = np.random.default_rng(seed)
        self.arrays = {
            "embedding": [generator.normal(size=(n, 5)) for n in pieces],
            "logits": [generator.normal(size=7) for _ in pieces],
            "parts": [generator.normal(size=(n, 7)) for n in pieces],
        }
        self.read = 0

    def of_each(self, extractor, array):
        assert extractor == "net"
        self.read += 1
        yield from (rows.astype(np.float32) for rows in self.arrays[array])


REFERENCE, GENERATED = Drawn(0, [2] * 12), Drawn(1, [2] * 11 + [2])


def side(drawn):
    return Side.of(NAMES, [Path(f"/nowhere/{name}.wav") for name in NAMES], drawn)


@pytest.fixture
def material():
    texts = {f"caption {k % 11}": np.eye(5)[k % 5] + 0.1 * k for k in range(12)}
    return Material(
        reference=side(REFERENCE),
        generated=side(GENERATED),
        captions=tuple(f"caption {k % 11}" for k in range(12)),
        embed_texts=RememberedTexts(lambda _, wanted: [texts[text] for text in wanted]),
    )


def rows(drawn, array, pieces):
    found = [np.float64(np.float32(rows)) for rows in drawn.arrays[array]]
    return np.concatenate(found) if pieces == "all" else np.stack([r.mean(axis=0) for r in found])


MEASURES = [
    Frechet(extractor="net"),
    Frechet(extractor="net", pieces=Pieces.MEAN),
    Kernel(extractor="net"),
    Kernel(extractor="net", bandwidth="generated"),
    Divergence(extractor="net"),
    Divergence(extractor="net", array="parts"),
    Divergence(extractor="net", array="parts", pieces=Pieces.ALL),
    Inception(extractor="net", splits=3),
    Diversity(extractor="net"),
    FadInfinity(extractor="net", steps=4, least=10),
    Clap(extractor="net"),
    Recall(extractor="net", k=3),
    Recall(extractor="net", k=3, query="sound"),
]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: type(one).__name__)
def test_the_statistic_of_every_clip_once_is_the_value(material, measure):
    found = measure(material)
    once = Clips(reference=12, generated=12).once()
    assert found.statistic(once) == pytest.approx(found.value, rel=1e-9)
    assert np.isfinite(found.value)
    if found.values is not None:
        assert found.values.shape == (12,)
        assert found.method is Method.PERCENTILE
        assert found.values.mean() == pytest.approx(found.value)


def test_pieces_are_rows_or_averaged_before_anything_else(material):
    for pieces in Pieces:
        sides = [rows(drawn, "embedding", pieces) for drawn in (REFERENCE, GENERATED)]
        found = Frechet(extractor="net", pieces=pieces)(material)
        assert found.value == pytest.approx(frechet_distance(*sides), rel=1e-9)
        assert found.rows == tuple(len(one) for one in sides)
        assert found.features == 5
        logits = [rows(drawn, "parts", pieces) for drawn in (REFERENCE, GENERATED)]
        found = Divergence(extractor="net", array="parts", pieces=pieces)(material)
        assert found.value == pytest.approx(kl_divergence(*logits).mean(), rel=1e-9)


def test_the_kernels_width_is_that_of_the_side_that_is_named(material):
    ours, theirs = (rows(drawn, "embedding", "mean") for drawn in (REFERENCE, GENERATED))
    for name, of in (("reference", ours), ("generated", theirs)):
        found = Kernel(extractor="net", bandwidth=name)(material)
        width = median_distance(of)
        assert found.details["bandwidth"] == pytest.approx(width)
        assert found.value == pytest.approx(kernel_distance(ours, theirs, bandwidth=width))


def test_the_roots_of_older_suites_are_there_by_name(material):
    exact = Frechet(extractor="net")(material).value
    old = Frechet(extractor="net", formula="sqrtm")(material).value
    assert old != exact
    assert old == pytest.approx(exact, rel=1e-4)


def test_pairs_of_other_lengths_cannot_be_compared_piece_by_piece(material):
    longer = Material(
        reference=material.reference, generated=side(Drawn(2, [2] * 4 + [3] + [2] * 7))
    )
    with pytest.raises(InputError, match="clip04 has 2 pieces in the reference and 3 generated"):
        Divergence(extractor="net", array="parts", pieces=Pieces.ALL)(longer)
    assert np.isfinite(Divergence(extractor="net", array="parts")(longer).value)


def test_a_side_in_another_order_keeps_each_clips_rows(material):
    order = [11, 0, 5, 5]
    taken = material.reference.take(order)
    whole = material.reference.pieces("net", "embedding").rows.reshape(12, 2, 5)
    assert (taken.pieces("net", "embedding").rows.reshape(4, 2, 5) == whole[order]).all()
    assert taken.take([1]).means("net", "embedding").rows.tolist() == [
        whole[0].mean(axis=0).tolist()
    ]
    assert (len(taken), len(material.reference)) == (4, 12)


def test_features_and_texts_are_read_once_however_many_scores_ask():
    drawn = Drawn(3, [1] * 12)
    remembered = RememberedFeatures(drawn)
    for _ in range(3):
        assert len(list(remembered.of_each("net", "logits"))) == 12
    assert drawn.read == 1
    asked = []

    def embed(extractor, texts):
        asked.append((extractor, tuple(texts)))
        return [[float(len(text)), 1.0] for text in texts]

    texts = RememberedTexts(embed)
    assert texts("net", ["a", "bb", "a"]).tolist() == [[1, 1], [2, 1], [1, 1]]
    assert texts("net", ["bb", "ccc"]).tolist() == [[2, 1], [3, 1]]
    assert asked == [("net", ("a", "bb")), ("net", ("ccc",))]


def test_without_captions_no_score_of_captions(material):
    bare = Material(reference=material.reference, generated=material.generated)
    with pytest.raises(InputError, match="needs captions"):
        Clap(extractor="net")(bare)
