import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.mel.spectrogram import PEAK
from auffusion.train.segments import draw_segments


def test_a_key_gives_the_same_segments_and_another_key_others(sounds):
    one, two, three = (draw_segments(sounds, 4000, 6, key) for key in ((1, 2), (1, 2), (1, 3)))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_segments_have_levels_down_to_twelve_decibels_under_the_peak(sounds):
    segments = draw_segments(sounds, 4000, 64, (0, 0))
    assert segments.shape == (64, 4000)
    assert segments.dtype == torch.float32
    peaks = segments.abs().amax(1)
    assert peaks.max() <= PEAK * 1.0001
    assert peaks.min() >= PEAK * 10 ** (-12 / 20) * 0.9999
    assert peaks.max() / peaks.min() > 2


def test_a_short_sound_lies_whole_in_its_segment(sounds):
    whole = sounds[:1]  # 3,000 samples
    for row in draw_segments(whole, 5000, 8, (0, 0)):
        at = int(row.abs().gt(0).float().argmax()) - 1  # its first sample is sin 0
        scale = row.abs().max() / np.abs(whole[0].samples).max()
        expected = np.zeros(5000, np.float32)
        expected[max(0, at) : at + 3000] = whole[0].samples[max(0, -at) :]
        np.testing.assert_allclose(row.numpy(), expected * scale.item(), atol=1e-5)


def test_a_segment_of_a_long_sound_is_a_piece_of_it(sounds):
    noise = sounds[4].samples
    for row in draw_segments(sounds[4:5], 1000, 4, (0, 1)):
        match = np.correlate(noise, row.numpy(), "valid")
        start = int(np.abs(match).argmax())
        ratio = row.numpy() / noise[start : start + 1000]
        assert np.ptp(ratio) < 1e-3 * np.abs(ratio).max()


def test_without_sounds_nothing_can_be_drawn():
    with pytest.raises(InputError, match="no sounds to train on"):
        draw_segments([], 1000, 2, (0,))
