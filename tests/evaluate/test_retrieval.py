import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.retrieval import ranks, recall_at, similarity


def by_sorting(matrix):
    """Place of item k in the list that query k sorts, for similarities that are all different."""
    return [list(np.argsort(-row)).index(k) + 1 for k, row in enumerate(matrix)]


def test_ranks_are_places_in_the_sorted_list():
    matrix = np.random.default_rng(0).normal(size=(30, 30))
    found = ranks(matrix)
    assert found.tolist() == by_sorting(matrix)
    assert recall_at(found, 5).mean() == np.mean([place <= 5 for place in by_sorting(matrix)])


def test_similarities_are_cosines_of_queries_and_items():
    queries, items = np.random.default_rng(1).normal(size=(2, 6, 4))
    wanted = [[q @ i / np.linalg.norm(q) / np.linalg.norm(i) for i in items] for q in queries]
    np.testing.assert_allclose(similarity(queries, items), wanted, rtol=1e-12)
    assert ranks(similarity(queries, queries)).tolist() == [1] * 6


def test_a_network_that_finds_all_alike_has_found_nothing():
    alike = ranks(np.full((7, 7), 0.5))
    assert alike.tolist() == [7] * 7
    assert recall_at(alike, 1).sum() == 0


def test_captions_that_occur_twice_may_find_either_sound():
    matrix = np.array([[0.1, 0.9, 0.5], [0.9, 0.1, 0.5], [0.2, 0.1, 0.3]])
    assert ranks(matrix).tolist() == [3, 3, 1]
    assert ranks(matrix, ["rain", "rain", "dog"]).tolist() == [1, 1, 1]
    with pytest.raises(InputError, match="2 labels for 3 queries"):
        ranks(matrix, ["rain", "dog"])


def test_a_k_that_finds_everything_is_refused():
    found = ranks(np.eye(4))
    assert recall_at(found, 1).tolist() == [1.0] * 4
    for k in (0, 4, 10):
        with pytest.raises(InputError, match=rf"R@{k} of 4 items says nothing"):
            recall_at(found, k)
