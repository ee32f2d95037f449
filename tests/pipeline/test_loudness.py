"""Levels: a sound is brought to the power of its picture, and to that of a recording."""

import pytest
import torch

from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.pipeline.loudness import as_loud_as, lost_in_speaking


@pytest.fixture(scope="module")
def sounds():
    time = torch.arange(16_000) / 16_000
    noise = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    return torch.stack([0.5 * torch.sin(2 * torch.pi * 440 * time), noise])


def test_what_a_vocoder_took_away_is_given_back(sounds):
    picture = MelSpectrogram()(sounds)
    quieter = sounds * torch.tensor([[0.25], [0.5]])
    factors = lost_in_speaking(quieter, picture, MelConfig())
    assert factors[:, 0].tolist() == pytest.approx([4.0, 2.0], rel=1e-3)


def test_of_silence_nothing_is_made(sounds):
    factors = lost_in_speaking(sounds * 0, MelSpectrogram()(sounds), MelConfig())
    assert factors.max() == 8.0
    assert not as_loud_as(torch.zeros(1, 100), sounds[:1]).any()


def test_each_sound_is_as_loud_as_the_recording_and_none_is_clipped(sounds):
    wanted = 0.15 * torch.ones(1, 100)
    loud = as_loud_as(sounds, wanted)
    click = torch.zeros(1, 1000)
    click[0, 5] = 0.1
    assert loud.square().mean(-1).sqrt().tolist() == pytest.approx([0.15, 0.15], rel=1e-2)
    assert as_loud_as(click, wanted).abs().max() == 1.0
