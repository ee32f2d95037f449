import numpy as np
import pytest
import scipy.signal
import torch

from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram
from auffusion.train.run import Schedule
from auffusion.train.segments import draw_segments
from auffusion.train.vocoder import MultiResolutionStft, VocoderTraining, train_vocoder
from auffusion.vocoder.fourier import FourierVocoder, FourierVocoderConfig

SETTINGS = VocoderTraining(
    schedule=Schedule(steps=50, learning_rate=3e-3, warmup=5), batch=2, samples=3200, save_every=20
)


def new_vocoder():
    torch.manual_seed(0)
    return FourierVocoder(FourierVocoderConfig(channels=24, blocks=1))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, sounds):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return train_vocoder(new_vocoder(), sounds, SETTINGS, folder), folder


def test_training_brings_the_error_down(whole, sounds):
    mel, distance = MelSpectrogram(), MultiResolutionStft()
    sound = draw_segments(sounds, 3200, 12, (9,))

    @torch.no_grad()
    def errors(vocoder):
        made = vocoder.eval()(mel(sound))
        return distance(made, sound).item(), (mel(made) - mel(sound)).abs().mean().item()

    before, after = errors(new_vocoder()), errors(whole[0])
    assert after[0] < 0.9 * before[0]
    assert after[1] < 0.7 * before[1]


def test_the_log_names_the_errors_every_25_steps(whole, read_log):
    log = read_log(whole[1])
    assert [line["step"] for line in log] == [0, 25]
    assert log[0].keys() == {"step", "spectral", "mel", "norm"}


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path, sounds, whole, read_log, interrupt, assert_equal_weights
):
    started = new_vocoder()
    interrupt(started, calls=47)
    with pytest.raises(KeyboardInterrupt):
        train_vocoder(started, sounds, SETTINGS, tmp_path)
    resumed = train_vocoder(new_vocoder(), sounds, SETTINGS, tmp_path)
    assert_equal_weights(resumed, whole[0])
    assert read_log(tmp_path) == read_log(whole[1])


def test_a_finished_run_is_only_read(whole, sounds, assert_equal_weights):
    vocoder, folder = whole
    before = (folder / "checkpoint.safetensors").read_bytes()
    again = train_vocoder(new_vocoder(), sounds, SETTINGS, folder)
    assert_equal_weights(again, vocoder)
    assert not again.training
    assert (folder / "checkpoint.safetensors").read_bytes() == before


def test_segments_that_end_within_a_frame_are_refused(tmp_path, sounds):
    with pytest.raises(InputError, match="3201 samples do not end with a frame"):
        train_vocoder(new_vocoder(), sounds, VocoderTraining(samples=3201), tmp_path)


def test_equal_sounds_have_no_distance_and_others_have_one():
    sound = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    distance = MultiResolutionStft()
    assert distance(sound, sound) == 0
    assert distance(sound.clone(), -sound) == pytest.approx(0, abs=1e-6)  # magnitudes only
    assert distance(0.5 * sound, sound) > 0.5
    assert distance(torch.zeros(1, 8000), torch.zeros(1, 8000)) == 0


def test_the_distance_is_the_one_of_the_paper_computed_with_scipy():
    """Eqs. 4-6 of arXiv 1910.11480: Frobenius ratio, and mean absolute difference of logarithms."""
    source = torch.Generator().manual_seed(1)
    a, b = torch.randn(1, 4000, generator=source), torch.randn(1, 4000, generator=source)
    total = 0.0
    for length in (256, 512):
        one, two = (_scipy_magnitude(x[0].double().numpy(), length) for x in (a, b))
        total += np.linalg.norm(two - one) / np.linalg.norm(two)
        total += np.abs(np.log(two) - np.log(one)).mean()
    assert MultiResolutionStft((256, 512))(a, b).item() == pytest.approx(total / 2, rel=1e-4)


def _scipy_magnitude(x, length):
    padded = np.pad(x, length // 2, mode="reflect")
    window = scipy.signal.get_window("hann", length)
    hop = length // 4
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
    return np.sqrt(np.abs(np.fft.rfft(frames * window)) ** 2 + 1e-7)
