"""The front-end against librosa, against its recipe spelt out, and on analytic signals."""

import math

import librosa
import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.mel import MelConfig, MelSpectrogram, normalise_peak
from auffusion.mel.filterbank import mel_to_hz
from auffusion.mel.spectrogram import _BLOCK

SILENCE = -11.512925  # ln 1e-5


@pytest.fixture(scope="module")
def analyse():
    return MelSpectrogram()


def int16_sound(kind, samples=16000):
    """A sound whose samples are k/32768, as a 16-bit file holds them, brought to the peak."""
    generator = torch.Generator().manual_seed(7)
    noise = torch.rand(1, samples, generator=generator, dtype=torch.float64) * 2 - 1
    time_s = torch.arange(samples, dtype=torch.float64)[None] / 16000
    wave = {
        "noise": 0.9 * noise,
        "quiet noise": 0.01 * noise,
        "fading noise": noise * torch.exp(-3 * time_s),
        "tone": 0.9 * torch.sin(2 * math.pi * 1000 * time_s),
        "chirp": 0.9 * torch.sin(2 * math.pi * (100 * time_s + 3500 * time_s**2)),
        "clicks": (torch.arange(samples)[None] % 4000 == 0).double() * 0.9,
    }[kind]
    return normalise_peak((torch.trunc(wave * 32768) / 32768).float())


def librosa_log_mel(waveform, dtype):
    padded = np.pad(waveform[0].numpy().astype(dtype), 944, mode="reflect")
    spectrum = librosa.stft(padded, n_fft=2048, hop_length=160, win_length=1024, center=False)
    filters = librosa.filters.mel(sr=16000, n_fft=2048, n_mels=256, fmin=0, fmax=8000)
    magnitude = np.sqrt(np.abs(spectrum) ** 2 + 1e-9)
    return np.log(np.maximum(filters.astype(dtype) @ magnitude, 1e-5))


@pytest.mark.parametrize("kind", ["noise", "quiet noise", "fading noise"])
def test_broadband_sound_equals_librosa(analyse, kind):
    waveform = int16_sound(kind)
    expected = librosa_log_mel(waveform, np.float32)
    np.testing.assert_allclose(analyse(waveform)[0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["tone", "chirp", "clicks", "noise"])
def test_every_sound_equals_librosa_in_double_precision(kind):
    # Beside a loud tone the dark bands hold rounding errors of the transform, which the logarithm
    # makes visible (1e-2) and which differ between libraries. In 64 bits they are gone.
    front_end = MelSpectrogram().double()
    front_end.window = torch.hann_window(1024, dtype=torch.float64)
    waveform = int16_sound(kind).double()
    expected = librosa_log_mel(waveform, np.float64)
    np.testing.assert_allclose(front_end(waveform)[0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["tone", "chirp", "clicks", "noise"])
def test_every_sound_equals_the_published_recipe(analyse, kind):
    waveform = int16_sound(kind)
    padded = torch.nn.functional.pad(waveform[None], (944, 944), mode="reflect")[0]
    frames = padded.unfold(-1, 2048, 160)  # each of 2048, of which the middle 1024 count
    window = torch.nn.functional.pad(torch.hann_window(1024), (512, 512))
    spectrum = torch.stft(
        padded, 2048, 160, 1024, torch.hann_window(1024), center=False, return_complex=True
    )
    magnitude = (spectrum.real**2 + spectrum.imag**2 + 1e-9).sqrt()
    filters = torch.from_numpy(librosa.filters.mel(sr=16000, n_fft=2048, n_mels=256))
    expected = (filters @ magnitude).clamp_min(1e-5).log()
    torch.testing.assert_close(analyse(waveform), expected, atol=1e-5, rtol=0)
    # And the window is where the recipe says: the same transform by hand.
    by_hand = torch.fft.rfft(frames[0, 3] * window)
    torch.testing.assert_close(by_hand, spectrum[0, :, 3], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("samples", "frames"),
    [(945, 5), (960, 6), (15999, 99), (16000, 100), (160000, 1000), (163840, 1024)],
)
def test_frames_are_the_whole_hops(analyse, samples, frames):
    assert analyse(torch.zeros(1, samples)).shape == (1, 256, frames)


def test_silence_is_exactly_the_floor(analyse):
    log_mel = analyse(torch.zeros(2, 1600))
    assert torch.equal(log_mel, torch.full((2, 256, 10), SILENCE))


def test_945_samples_are_the_shortest_sound(analyse):
    assert analyse.config.minimum_samples == 945
    assert MelConfig(fft_length=64, window_length=64, hop_length=64).minimum_samples == 64
    with pytest.raises(InputError, match=r"944 samples is too short .* at least 945 samples"):
        analyse(torch.zeros(1, 944))


@pytest.mark.parametrize("hertz", [60.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_lands_in_its_band(analyse, hertz):
    time_s = torch.arange(16000, dtype=torch.float64) / 16000
    log_mel = analyse(torch.sin(2 * math.pi * hertz * time_s).float()[None])
    edges_hz = mel_to_hz(np.linspace(0, 45.245640471924965, 258))  # 45.2456 mels = 8 kHz
    loudest = int(log_mel[0, :, 50].argmax())
    assert edges_hz[loudest] < hertz < edges_hz[loudest + 2]


def test_a_full_scale_tone_stays_far_below_the_range_s_end(analyse):
    time_s = torch.arange(16000, dtype=torch.float64) / 16000
    log_mel = analyse(torch.sin(2 * math.pi * 1000 * time_s).float()[None])
    assert 3.0 < log_mel.max().item() < 3.7


def test_a_click_sounds_in_the_frames_whose_window_holds_it(analyse):
    waveform = torch.zeros(1, 8000)
    waveform[0, 4000] = 1.0
    heard = (analyse(waveform)[0].amax(dim=0) > SILENCE + 1e-3).nonzero()[:, 0]
    # Frame k looks at 160·k + 80 ± 512 samples.
    expected = [k for k in range(50) if abs(160 * k + 80 - 4000) < 512]
    assert heard.tolist() == expected


def test_twice_the_amplitude_adds_the_logarithm_of_two(analyse):
    waveform = int16_sound("noise") / 2
    torch.testing.assert_close(
        analyse(2 * waveform), analyse(waveform) + math.log(2), atol=1e-4, rtol=0
    )


def test_a_batch_is_its_items(analyse):
    batch = torch.cat([int16_sound("tone"), int16_sound("noise")])
    each = torch.cat([analyse(item[None]) for item in batch])
    torch.testing.assert_close(analyse(batch), each, atol=1e-5, rtol=0)


def test_a_long_sound_is_analysed_in_blocks_without_a_seam():
    config = MelConfig(fft_length=64, window_length=32, hop_length=16, bands=4)
    samples = (2 * _BLOCK + 5) * 16
    waveform = torch.rand(1, samples, generator=torch.Generator().manual_seed(0)) - 0.5
    log_mel = MelSpectrogram(config)(waveform)
    assert log_mel.shape == (1, 4, 2 * _BLOCK + 5)
    # The frames round a seam, analysed from a piece that has no seam there.
    start = _BLOCK - 20
    piece = MelSpectrogram(config)(waveform[:, start * 16 : (start + 40) * 16])
    torch.testing.assert_close(
        log_mel[..., start + 2 : start + 38], piece[..., 2:-2], atol=1e-5, rtol=0
    )


def test_gradients_reach_the_waveform(analyse):
    waveform = int16_sound("noise", 1600).requires_grad_()
    analyse(waveform).sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.isfinite().all()


def test_constants_are_not_weights(analyse):
    assert analyse.state_dict() == {}


def test_the_peak_is_normalised_each_item_alone_and_silence_stays():
    batch = torch.stack(
        [torch.tensor([0.1, -0.2]), torch.tensor([0.0, 0.0]), torch.tensor([2.0, 1.0])]
    )
    normalised = normalise_peak(batch)
    expected = torch.tensor([[0.475, -0.95], [0.0, 0.0], [0.95, 0.475]])
    torch.testing.assert_close(normalised, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_length": 0}, "hop_length 0 must be at least 1"),
        ({"hop_length": 161}, "differ from fft_length 2048 by an even number"),
        ({"window_length": 4096}, "must not decrease"),
        ({"bands": 0}, "bands 0 must be at least 1"),
        ({"floor": 0.0}, "floor 0.0 above zero"),
        ({"high_hz": 8001.0}, "must lie within 0 and half the sample rate"),
        ({"low_hz": 8000.0}, "must lie within 0"),
    ],
)
def test_a_front_end_that_cannot_be_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        MelConfig(**change)


def test_a_duration_counts_hops():
    assert MelConfig().duration_s(1024) == pytest.approx(10.24)
