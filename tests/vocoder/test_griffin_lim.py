"""Griffin-Lim on signals with known answers, against its plain form and against the paper."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from auffusion.errors import InputError
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.vocoder import GriffinLim, GriffinLimConfig, Vocoder
from auffusion.vocoder.griffin_lim import mel_to_magnitude

SAMPLES = 6400
INSIDE = slice(5, -5)  # frames


def seconds():
    return torch.arange(SAMPLES, dtype=torch.float64)[None] / 16000


def tone(hertz):
    return (0.5 * torch.sin(2 * math.pi * hertz * seconds())).float()


def chirp():
    """From 200 Hz upwards, 6 kHz a second."""
    return (0.5 * torch.sin(2 * math.pi * (200 * seconds() + 3000 * seconds() ** 2))).float()


def noise():
    return 0.1 * torch.randn(1, SAMPLES, generator=torch.Generator().manual_seed(3))


SOUNDS = {"tone": tone(1000), "chirp": chirp(), "noise": noise()}


def magnitude(waveform):
    padded = F.pad(waveform[:, None], (944, 944), mode="reflect")[:, 0]
    window = torch.hann_window(1024)
    return torch.stft(padded, 2048, 160, 1024, window, center=False, return_complex=True).abs()


def spectral_convergence(waveform, wanted):
    """‖|STFT x| - s‖ / ‖s‖, the measure of the paper."""
    # Frames that see an end of the sound, which the front-end reflects there, are left out.
    found, wanted = magnitude(waveform)[..., INSIDE], wanted[..., INSIDE]
    return ((found - wanted).norm() / wanted.norm()).item()


@pytest.fixture(scope="module")
def analyse():
    return MelSpectrogram()


@pytest.fixture(scope="module")
def spoken(analyse):
    """Each sound after 24 rounds of the fast and of the plain algorithm."""
    return {
        (kind, momentum): GriffinLim(GriffinLimConfig(rounds=24, momentum=momentum))(analyse(sound))
        for kind, sound in SOUNDS.items()
        for momentum in (0.99, 0.0)
    }


@pytest.mark.parametrize(("kind", "limit"), [("tone", 0.1), ("chirp", 0.15), ("noise", 0.5)])
def test_the_spectrum_comes_close_to_the_true_one(spoken, kind, limit):
    assert spectral_convergence(spoken[kind, 0.99], magnitude(SOUNDS[kind])) < limit


@pytest.mark.parametrize("kind", SOUNDS)
def test_the_fast_variant_comes_closer_than_the_plain_one_in_as_many_rounds(analyse, spoken, kind):
    wanted = mel_to_magnitude(analyse(SOUNDS[kind]), analyse.filters)
    fast, plain = (spectral_convergence(spoken[kind, m], wanted) for m in (0.99, 0.0))
    assert fast < 0.9 * plain


def restated(magnitude, phase, *, fft, window, hop, rounds, momentum):
    """Algorithm 2 of Perraudin et al. in 64 bits, frame by frame, as a second opinion."""
    frames = magnitude.shape[-1]
    side = (fft - window) // 2
    hann = np.pad(np.sin(np.pi * np.arange(window) / window) ** 2, side)
    starts = [k * hop for k in range(frames)]

    def synthesise(spectrum):
        wave, weight = np.zeros((2, starts[-1] + fft))
        for k, start in enumerate(starts):
            wave[start : start + fft] += np.fft.irfft(spectrum[:, k], fft) * hann
            weight[start : start + fft] += hann**2
        return wave / np.maximum(weight, 1e-8)

    def project(spectrum):
        wave = synthesise(magnitude * np.exp(1j * np.angle(spectrum)))
        return wave, np.stack([np.fft.rfft(wave[s : s + fft] * hann) for s in starts], axis=1)

    carried = previous = magnitude * np.exp(1j * phase)
    for _ in range(rounds):
        wave, consistent = project(carried)
        carried, previous = consistent + momentum * (consistent - previous), consistent
    return wave[(fft - hop) // 2 :][: frames * hop]


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_it_computes_the_algorithm_of_the_paper(momentum):
    mel = MelConfig(fft_length=256, window_length=128, hop_length=32, bands=32)
    vocoder = GriffinLim(GriffinLimConfig(mel=mel, rounds=6, momentum=momentum))
    log_mel = MelSpectrogram(mel)(chirp()[:, :1600])
    wanted = mel_to_magnitude(log_mel, vocoder.filters)
    expected = restated(
        wanted[0].double().numpy(),
        vocoder._first_phase(wanted)[0].double().numpy(),
        fft=256,
        window=128,
        hop=32,
        rounds=6,
        momentum=momentum,
    )
    np.testing.assert_allclose(vocoder(log_mel)[0].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize("hertz", [110, 440, 1000, 4000])
def test_a_tone_keeps_its_frequency_and_its_level(analyse, hertz):
    waveform = GriffinLim(GriffinLimConfig(rounds=16))(analyse(tone(hertz)))[0]
    spectrum = np.abs(np.fft.rfft(waveform.numpy() * np.hanning(SAMPLES)))
    # Within half the distance of two mel bands, 11.7 Hz below 1 kHz and 0.8 % above.
    assert np.argmax(spectrum) * 2.5 == pytest.approx(hertz, abs=max(6.0, 0.008 * hertz))
    assert waveform.square().mean().sqrt().item() == pytest.approx(0.5 / math.sqrt(2), rel=0.15)


def test_a_chirp_rises_as_it_should(spoken):
    frames = magnitude(spoken["chirp", 0.99])[0]
    heard_hz = frames.argmax(dim=0)[INSIDE].float() * 16000 / 2048
    sung_hz = 200 + 6000 * (torch.arange(5, 35) * 160 + 80) / 16000
    torch.testing.assert_close(heard_hz, sung_hz, atol=40.0, rtol=0)


def test_silence_is_exactly_silent(analyse):
    waveform = GriffinLim(GriffinLimConfig(rounds=4))(analyse(torch.zeros(1, 1600)))
    assert torch.equal(waveform, torch.zeros(1, 1600))


def test_silence_around_a_sound_stays_quiet(analyse):
    sound = torch.cat([torch.zeros(1, 4000), noise()[:, :4000], torch.zeros(1, 4000)], dim=1)
    waveform = GriffinLim(GriffinLimConfig(rounds=16))(analyse(sound))
    # Half a window to either side hears the sound; beyond, nothing may.
    assert waveform[:, : 4000 - 1200].abs().max() < 1e-3
    assert waveform[:, 8000 + 1200 :].abs().max() < 1e-3


def test_it_says_the_same_at_every_call_and_draws_no_global_number(analyse):
    log_mel = analyse(chirp()[:, :1600])
    vocoder = GriffinLim(GriffinLimConfig(rounds=4))
    before = torch.get_rng_state()
    assert torch.equal(vocoder(log_mel), vocoder(log_mel))
    assert torch.equal(before, torch.get_rng_state())


def test_a_batch_is_its_items(analyse):
    log_mel = analyse(torch.cat([chirp(), noise()])[:, :3200])
    vocoder = GriffinLim(GriffinLimConfig(rounds=16))
    each = torch.cat([vocoder(item[None]) for item in log_mel])
    torch.testing.assert_close(vocoder(log_mel), each, atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_every_frame_gives_a_hop_of_samples(frames):
    waveform = GriffinLim(GriffinLimConfig(rounds=2))(torch.zeros(1, 256, frames) - 3.0)
    assert waveform.shape == (1, frames * 160)
    assert waveform.isfinite().all()


def test_another_front_end_is_undone_as_well():
    mel = MelConfig(fft_length=512, window_length=512, hop_length=128, bands=64)
    vocoder = GriffinLim(GriffinLimConfig(mel=mel, rounds=16))
    waveform = vocoder(MelSpectrogram(mel)(tone(1000)))
    spectrum = np.abs(np.fft.rfft(waveform[0].numpy()))
    assert np.argmax(spectrum) * 16000 / waveform.shape[-1] == pytest.approx(1000, abs=16)


@pytest.mark.parametrize("kind", SOUNDS)
def test_the_magnitudes_have_the_bands_asked_for_and_none_is_negative(analyse, kind):
    log_mel = analyse(SOUNDS[kind])
    found = mel_to_magnitude(log_mel, analyse.filters)
    assert found.min() >= 0
    bands = analyse.filters @ found
    assert (bands - log_mel.exp()).norm() < 0.01 * log_mel.exp().norm()
    assert (bands.clamp_min(1e-5).log() - log_mel).abs().mean() < 0.15


def test_the_magnitudes_beat_the_clamped_pseudo_inverse_on_tones(analyse):
    tones = torch.cat([tone(hertz) for hertz in (1000, 2000, 3000, 3300, 5000)])
    log_mel, wanted = analyse(tones)[..., INSIDE], magnitude(tones)[..., INSIDE]
    clamped = (torch.linalg.pinv(analyse.filters) @ log_mel.exp()).clamp_min(0)
    ours = mel_to_magnitude(log_mel, analyse.filters)
    assert (ours - wanted).norm() < 0.8 * (clamped - wanted).norm()


def test_it_is_a_vocoder_without_weights():
    vocoder = GriffinLim()
    assert isinstance(vocoder, Vocoder)
    assert vocoder.state_dict() == {}


@pytest.mark.parametrize("change", [{"rounds": 0}, {"momentum": -0.1}, {"momentum": math.nan}])
def test_what_cannot_converge_is_refused(change):
    with pytest.raises(InputError, match="Griffin-Lim needs at least one round"):
        GriffinLimConfig(**change)
