import numpy as np
import pytest

from auffusion.errors import InputError
from auffusion.evaluate.condition import condition, summary

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)[None]


def test_a_tone_is_neither_silent_nor_clipped_and_has_its_level():
    found = condition(TONE, RATE)
    assert (found.silent, found.clipped) == (False, False)
    assert (found.duration_s, found.sample_rate, found.channels) == (1.0, RATE, 1)
    assert found.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1e-3)


def test_nothing_and_a_constant_and_what_is_below_60_db_are_silent():
    for quiet in (np.zeros((1, 100)), np.full((2, 100), 0.3), TONE * 1e-3):
        assert condition(quiet.astype(np.float32), RATE).silent
    assert not condition(TONE * 3e-3, RATE).silent
    assert condition(np.zeros((1, 100), np.float32), RATE).level_db == -120.0


def test_one_channel_that_sounds_or_is_cut_off_is_enough():
    both = np.concatenate([np.zeros_like(TONE), TONE])
    assert not condition(both, RATE).silent
    cut = np.clip(4 * TONE, -1, 1)
    assert condition(cut, RATE).clipped
    assert condition(np.concatenate([TONE, cut]), RATE).clipped


def test_a_set_is_summed_up():
    clips = [
        condition(TONE, RATE),
        condition(np.zeros((2, 3 * RATE), np.float32), RATE),
        condition(np.clip(4 * TONE, -1, 1), 8_000),
    ]
    found = summary(clips)
    assert (found.clips, found.silent, found.clipped) == (3, 1, 1)
    assert (found.shortest_s, found.median_s, found.longest_s) == (1.0, 2.0, 3.0)
    assert (found.rates, found.channels) == ({"8000": 1, "16000": 2}, {"1": 2, "2": 1})


def test_what_is_no_clip_is_refused():
    with pytest.raises(InputError, match="without samples"):
        condition(np.zeros((1, 0), np.float32), RATE)
    with pytest.raises(InputError, match="NaN or infinite"):
        condition(np.full((1, 9), np.nan, np.float32), RATE)
    with pytest.raises(InputError, match="no clips"):
        summary([])
