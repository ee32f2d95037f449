from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auffusion.data.drawing import (
    CANVAS,
    CROP,
    Draws,
    canvas,
    crop_start,
    generator,
    shuffled,
)
from auffusion.errors import InputError

RATE = 16_000


def noise(seconds, level=8000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-level, level, round(seconds * RATE)).astype(np.int16)


@given(count=st.integers(1, 400), seed=st.integers(0, 99), epoch=st.integers(0, 9))
def test_an_epoch_is_a_permutation(count, seed, epoch):
    order = [shuffled(place, count, seed, epoch) for place in range(count)]
    assert sorted(order) == list(range(count))


def test_a_permutation_of_a_million_is_no_more_work_than_its_places():
    assert len({shuffled(place, 1_000_000, 3, 0) for place in range(2000)}) == 2000


def test_orders_of_epochs_and_seeds_are_unrelated_and_without_a_pattern():
    orders = np.array(
        [[shuffled(i, 500, *k) for i in range(500)] for k in ((0, 0), (0, 1), (1, 0))]
    )
    for one, two in ((0, 1), (0, 2), (1, 2)):
        # The number of places where two random permutations agree is 1 on average.
        assert (orders[one] == orders[two]).sum() < 8
        assert abs(np.corrcoef(orders[one], orders[two])[0, 1]) < 0.15
    for order in orders:
        assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.15


def test_every_place_holds_every_element_about_as_often():
    counts = Counter(shuffled(3, 10, seed, 0) for seed in range(2000))
    assert set(counts) == set(range(10))
    # 200 each are expected; five deviations of the binomial are 67.
    assert max(abs(count - 200) for count in counts.values()) < 67


def test_draws_go_through_all_clips_before_one_comes_again_across_steps_and_batches():
    draws = Draws(seed=7, count=10, batch=4)
    seen = [draws.clip(step, slot) for step in range(5) for slot in range(4)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_a_draw_depends_on_seed_step_and_slot_alone():
    assert Draws(seed=7, count=99, batch=4).clip(1000, 2) == Draws(seed=7, count=99, batch=4).clip(
        1000, 2
    )
    values = {
        generator(seed, step, slot, purpose).random()
        for seed in (0, 1)
        for step in (0, 1, 10**9)
        for slot in (0, 1)
        for purpose in ("crop", "noise", "caption")
    }
    assert len(values) == 36
    assert generator(5, 6, 7, "crop").random() == generator(5, 6, 7, "crop").random()


@pytest.mark.parametrize(("count", "batch"), [(0, 1), (1, 0)])
def test_nothing_cannot_be_drawn_from(count, batch):
    with pytest.raises(InputError, match="at least one of both"):
        Draws(seed=0, count=count, batch=batch)


def test_a_clip_of_ten_seconds_is_never_cut():
    """The published code took it from 0, 5 or 10 s on: a third of its crops were silent."""
    for seed in range(20):
        assert crop_start(noise(10.0), CROP, np.random.default_rng(seed)) == 0


@pytest.mark.parametrize("at_s", [0.0, 3.0, 14.99, 28.0])
def test_a_crop_of_a_clip_that_sounds_for_a_moment_holds_that_moment(at_s):
    samples = np.zeros(30 * RATE, np.int16)
    start = round(at_s * RATE)
    samples[start : start + 6 * RATE // 10] = noise(0.6)
    for seed in range(50):
        first = crop_start(samples, CROP, np.random.default_rng(seed))
        heard = np.abs(samples[first : first + CROP].astype(int)) > 80
        # Half a second at least, but for what of its frames is cut.
        assert heard.sum() > 0.45 * RATE


@given(where=st.integers(0, 30 * RATE - 1), seed=st.integers(0, 5))
def test_a_click_is_never_lost(where, seed):
    samples = np.zeros(30 * RATE, np.int16)
    samples[where] = 20_000
    first = crop_start(samples, CROP, np.random.default_rng(seed))
    assert first <= where < first + CROP
    assert 0 <= first <= 20 * RATE


def test_crops_of_a_steady_sound_begin_everywhere():
    starts = [crop_start(noise(30.0), CROP, np.random.default_rng(s)) for s in range(400)]
    assert 0 <= min(starts) < 1.5 * RATE
    assert 18.5 * RATE < max(starts) <= 20 * RATE
    assert np.mean(starts) == pytest.approx(10 * RATE, rel=0.1)
    assert len({start % 320 for start in starts}) > 150


def test_silence_is_cut_from_its_beginning_and_stays_silence():
    assert not canvas(np.zeros(30 * RATE, np.int16), np.random.default_rng(0)).any()


def test_a_crop_is_padded_to_the_canvas_with_silence():
    example = canvas(noise(30.0), np.random.default_rng(0))
    assert example.shape == (CANVAS,)
    assert example.dtype == np.float32
    assert np.abs(example[CROP - 100 : CROP]).max() > 0.1
    assert not example[CROP:].any()
    short = canvas(noise(2.0), np.random.default_rng(0))
    np.testing.assert_array_equal(short[: 2 * RATE], noise(2.0) / np.float32(32768))
    assert not short[2 * RATE :].any()
