"""Long sounds in windows, as the suites cut them."""

import numpy as np
import pytest
import torch
from small_extractor import Bands

from auffusion.errors import InputError
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.hearing import Hearing
from auffusion.evaluate.windowed_extractor import WindowedExtractor, Windows

STABLE_AUDIO = Windows(length=320_000, hop=160_000, overlapping=True, filled=True)
AUDIOCRAFT = Windows(length=320_000, hop=320_000, shortest=4_801)


def stable_audio_windows(audio):
    """As the sentences of its documentation say: ten seconds, five overlap, rest filled up."""
    step, size = 160_000, 320_000
    found = []
    for start in range(0, max(step, len(audio) - step), step):
        window = audio[start : start + size]
        found.append(np.pad(window, (0, size - len(window))))
    return found


@pytest.mark.parametrize("seconds", [1.6, 5, 7.5, 10, 10.01, 15, 15.5, 20, 31.7])
def test_overlapping_windows_are_those_of_stable_audio_metrics(seconds):
    sound = torch.randn(1, int(seconds * 32_000), generator=torch.Generator().manual_seed(0))
    found = list(STABLE_AUDIO.cut(sound))
    wanted = stable_audio_windows(sound[0].numpy())
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert (one[0].numpy() == other).all()


@pytest.mark.parametrize("samples", [4_801, 320_000, 324_800, 324_801, 640_000, 700_000])
def test_segments_are_torchs_split_without_what_is_too_short(samples):
    sound = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    wanted = [one for one in torch.split(sound, 320_000, dim=-1) if one.shape[-1] > 4_800]
    found = list(AUDIOCRAFT.cut(sound))
    assert [one.shape for one in found] == [one.shape for one in wanted]
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_a_sound_of_which_nothing_is_left_is_refused():
    with pytest.raises(InputError, match="4800 samples is too short: at least 4801"):
        list(AUDIOCRAFT.cut(torch.zeros(1, 4_800)))


def test_each_window_is_a_piece_of_what_the_inner_network_hears():
    windows = Windows(length=16_000, hop=8_000, overlapping=True, filled=True)
    extractor = WindowedExtractor("w", Bands(), Hearing(sample_rate=1_000), windows, gain=0.5)
    assert isinstance(extractor, FeatureExtractor)
    assert extractor.hearing.sample_rate == 16_000
    sound = torch.randn(3, 30_000, generator=torch.Generator().manual_seed(0))
    found = extractor(sound)
    assert found["logits"].shape == (3, 3, 8)
    assert found["embedding"].shape == (3, 6, 8)  # two half seconds in each window
    for piece, window in enumerate(windows.cut(0.5 * sound)):
        alone = Bands()(window)
        assert torch.equal(found["logits"][:, piece], alone["logits"])
        assert torch.equal(found["embedding"][:, 2 * piece : 2 * piece + 2], alone["embedding"])


def test_what_is_cut_differently_is_another_front_end():
    hearing = Hearing(sample_rate=16_000)
    made = [
        WindowedExtractor("w", Bands(version=version), hearing, windows, gain=gain).front_end
        for version, windows, gain in (
            (1, AUDIOCRAFT, 1.0),
            (1, STABLE_AUDIO, 1.0),
            (1, AUDIOCRAFT, 0.5),
            (2, AUDIOCRAFT, 1.0),
        )
    ]
    assert len(set(made)) == 4
