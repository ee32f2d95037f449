"""Scores of grounding on cases whose answer is known."""

import numpy as np
import pytest
import torch

from auffusion.attention import (
    AttentionSite,
    AttentionStore,
    Extent,
    grounding,
    pooled,
    word_heatmap,
)
from auffusion.attention.grounding import (
    agreement,
    concentration,
    distinctness,
    shifted_agreements,
)
from auffusion.errors import InputError
from auffusion.image import FixedLogRange
from auffusion.mel import MelConfig, MelSpectrogram

RNG = np.random.default_rng(0)
ROWS, COLUMNS = 8, 64


def event(columns, rows=slice(None)):
    picture = np.zeros((ROWS, COLUMNS))
    picture[rows, columns] = 1.0
    return picture


def noisy(picture):
    return picture + 0.2 * RNG.random(picture.shape)


def test_a_map_that_is_the_event_agrees_wholly_and_by_its_timing():
    found = grounding(event(slice(40, 48)), event(slice(40, 48)))
    assert found.agreement == pytest.approx(1.0)
    assert found.p_value == pytest.approx(1 / COLUMNS)
    assert found.grounded


def test_a_uniform_map_agrees_with_nothing():
    found = grounding(np.full((ROWS, COLUMNS), 0.3), event(slice(40, 48)))
    assert (found.agreement, found.chance, found.p_value) == (0.0, 0.0, 1.0)
    assert found.concentration == pytest.approx(0.0)
    assert not found.grounded


def test_shuffled_maps_agree_by_accident_only():
    target, right = event(slice(40, 48)), noisy(event(slice(40, 48)))
    scores = [
        grounding(RNG.permutation(right.ravel()).reshape(right.shape), target) for _ in range(60)
    ]
    assert abs(np.mean([one.agreement for one in scores])) < 0.03
    assert max(one.agreement for one in scores) < 0.3
    assert np.mean([one.grounded for one in scores]) <= 0.05


def test_the_event_of_another_word_is_no_grounding():
    found = grounding(noisy(event(slice(8, 16))), event(slice(40, 48)))
    assert found.agreement < 0
    assert not found.grounded


def test_the_reverse_order_is_minus_one():
    target = RNG.random((ROWS, COLUMNS))
    assert agreement(1 - target, target) == pytest.approx(-1.0)
    assert agreement(target**3, target) == pytest.approx(1.0)


def test_for_an_event_it_is_twice_the_area_under_the_curve_less_one():
    target, picture = event(slice(40, 48)), np.round(noisy(event(slice(36, 50))), 1)
    inside, outside = picture[target > 0], picture[target == 0]
    apart = inside[:, None] - outside[None]
    area = ((apart > 0) + 0.5 * (apart == 0)).mean()
    assert agreement(picture, target) == pytest.approx(2 * area - 1)


def test_frequencies_alone_are_no_timing():
    # Low bands are loud all the time, and the map likes low bands: it agrees, but so does any
    # moment's map with any other moment.
    low = event(slice(None), slice(4, None))
    target = low * (0.5 + 0.5 * RNG.random((1, COLUMNS)))
    found = grounding(low, target)
    assert found.agreement > 0.4
    assert found.chance == pytest.approx(found.agreement)
    assert found.p_value == 1.0
    assert not found.grounded


def test_shifts_go_all_the_way_round():
    target = noisy(event(slice(40, 48)))
    late = np.roll(target, 5, axis=1)
    scores = shifted_agreements(late, target)
    assert scores[-5] == pytest.approx(1.0)
    assert int(scores.argmax()) == COLUMNS - 5


def test_concentration_has_its_ends_and_grows_between():
    narrow, wide = event(slice(0, 4)), event(slice(0, 32))
    assert concentration(wide) == pytest.approx(1 / np.log2(ROWS * COLUMNS))
    assert concentration(narrow) > concentration(noisy(narrow)) > concentration(np.ones((2, 2)))


def test_distinctness_is_nothing_for_equal_maps_and_a_bit_for_disjoint_ones():
    dog, rain = event(slice(0, 8)), event(slice(30, 60))
    assert distinctness(dog, [3 * dog, dog]) == pytest.approx(0.0)
    assert distinctness(dog, [rain]) == pytest.approx(1.0)
    assert 0 < distinctness(dog, [noisy(dog), noisy(rain)]) < 1
    assert grounding(dog, dog).distinctness is None
    assert grounding(dog, dog, [rain]).distinctness == pytest.approx(1.0)


def test_a_word_that_is_looked_for_where_it_sounds_is_grounded_from_store_to_score():
    # A tone in the last quarter of silence; one word's attention there, one's everywhere, one's
    # before. All from attention of a layer and a log-mel of samples.
    rate = 16_000
    time = torch.arange(int(2.56 * rate)) / rate
    samples = torch.sin(2 * torch.pi * 1000 * time) * (time > 1.92)
    unit = FixedLogRange().to_unit(MelSpectrogram()(samples[None]))[0]
    site = AttentionSite(name="layer", place="up", cross=True, height=32, width=32)
    probabilities = torch.full((1, 2, 1024, 3), 1 / 3)
    by_place = probabilities.view(1, 2, 32, 32, 3)
    by_place[..., 24:, :] = torch.tensor([0.8, 0.1, 0.1])
    by_place[..., :24, :] = torch.tensor([0.1, 0.1, 0.8])
    store = AttentionStore(columns=[[0], [1], [2]])
    store.attend(site, probabilities)
    extent = Extent(mel=MelConfig(), frames=256, shown_s=2.56)
    maps = [word_heatmap(store, word, extent) for word in range(3)]
    target = pooled(unit, maps[0], 0.01).numpy()
    there, everywhere, before = (grounding(one.values.numpy(), target) for one in maps)
    assert there.grounded
    assert there.agreement > 0.6
    assert everywhere.agreement == 0.0
    assert before.agreement == pytest.approx(-there.agreement)
    assert not everywhere.grounded
    assert not before.grounded


@pytest.mark.parametrize(
    ("picture", "target", "sentence"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "a map of 2x3 and a target of 2x4 do not fit"),
        (np.ones((2, 2)), np.ones((2, 2)), "the target is the same everywhere"),
        (np.zeros((2, 2)), np.eye(2), "the map is zero everywhere"),
        (-np.ones((2, 2)), np.eye(2), "the map holds negative numbers"),
        (np.ones((2, 2)), np.full((2, 2), np.nan), "the target holds negative numbers"),
    ],
)
def test_what_cannot_be_scored_is_refused(picture, target, sentence):
    with pytest.raises(InputError, match=sentence):
        grounding(picture, target)
