"""Distances of spectra against librosa, known levels and a number that was published."""

import librosa
import numpy as np
import pytest
import torch

from auffusion.errors import InputError
from auffusion.evaluate.spectral import (
    SKIPPED,
    aligned,
    log_spectral_distance,
    multi_resolution_distance,
    spectral_distance_db,
)

NOISE = torch.randn(2, 20_000, generator=torch.Generator().manual_seed(0)) * 0.1


def test_a_sound_of_half_the_level_is_six_decibels_away_everywhere():
    found = spectral_distance_db(NOISE, 0.5 * NOISE)
    np.testing.assert_allclose(found, 20 * np.log10(2), rtol=1e-4)
    lsd = log_spectral_distance(NOISE, 0.5 * NOISE)
    np.testing.assert_allclose(lsd, 2 * np.log10(2), rtol=1e-6)


def test_equal_sounds_have_no_distance_of_any_kind():
    for distance in (spectral_distance_db, log_spectral_distance, multi_resolution_distance):
        assert np.abs(distance(NOISE, NOISE)).max() < 1e-9
        other = NOISE + 0.05 * NOISE.roll(7, dims=1)
        assert (distance(NOISE, other) > 0.01).all()


def test_items_are_measured_each_for_itself():
    others = NOISE * torch.tensor([[0.5], [0.1]])
    for distance in (spectral_distance_db, log_spectral_distance, multi_resolution_distance):
        together = distance(NOISE, others)
        alone = [distance(NOISE[k : k + 1], others[k : k + 1])[0] for k in range(2)]
        np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_the_lsd_is_what_its_formula_gives_on_librosas_transform():
    a, b = (
        np.abs(librosa.stft(one.numpy(), n_fft=743, hop_length=160, pad_mode="constant"))
        for one in NOISE.double()
    )
    bins = np.log10(a**2 / (b + 1e-12) ** 2 + 1e-12) ** 2
    wanted = np.sqrt(bins.mean(axis=0)).mean()
    assert log_spectral_distance(NOISE[:1], NOISE[1:])[0] == pytest.approx(wanted, rel=1e-9)


def as_int16(samples):
    """The cast of numpy of 2022, in which what is too large comes out at the other end."""
    return samples.astype(np.int64).astype(np.int16).astype(np.float32) / 32768


def test_the_lsd_published_with_audioldm_eval_comes_out():
    """Its test: 50 tones and the same with a little noise; `example/paired_ref.json` at 8517bac.

    The noise had no seed there: other seeds move the value by less than 0.001.
    """
    time = np.linspace(0, 6, 96_000)
    generator = np.random.default_rng(0)
    found = []
    for hertz in np.linspace(100, 1000, 50):
        tone = 2**15 * np.sin(2 * np.pi * hertz * time)
        noisy = tone + generator.normal(scale=0.001 * np.abs(tone).max(), size=tone.shape)
        pair = (torch.from_numpy(as_int16(one))[None] for one in (tone, noisy))
        found.append(log_spectral_distance(*aligned(*pair))[0])
    assert np.mean(found) == pytest.approx(7.963, abs=1.5e-3)


def test_aligning_drops_the_start_the_mean_and_the_level():
    late = torch.cat([torch.ones(1, SKIPPED), 3.0 + 0.2 * NOISE[:1]], dim=1)
    ours, theirs = aligned(NOISE[:1], late)
    assert ours.shape == theirs.shape == (1, 20_000)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert ours.abs().max() == 1


@pytest.mark.parametrize("samples", [1, 100, 2_047])
def test_sounds_shorter_than_a_window_are_followed_by_silence(samples):
    short = NOISE[:, :samples]
    for distance in (spectral_distance_db, log_spectral_distance, multi_resolution_distance):
        assert np.isfinite(distance(short, 0.5 * short)).all()


def test_silence_is_compared_in_decibels_and_refused_by_the_others_formula():
    silence = torch.zeros(1, 4_000)
    assert spectral_distance_db(silence, silence).tolist() == [0.0]
    with pytest.raises(InputError, match="silent sound has no log-spectral distance"):
        log_spectral_distance(silence, NOISE[:1, :4_000])
    with pytest.raises(InputError, match="no peak"):
        aligned(silence, NOISE[:1])


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (NOISE, NOISE[:, 1:], r"\(2, 20000\) and \(2, 19999\) are no pairs"),
        (NOISE[:, :0], NOISE[:, :0], "no pairs"),
        (NOISE, NOISE * float("nan"), "NaN or infinite"),
    ],
)
def test_what_is_no_pair_of_sounds_is_refused(a, b, sentence):
    for distance in (spectral_distance_db, log_spectral_distance, multi_resolution_distance):
        with pytest.raises(InputError, match=sentence):
            distance(a, b)


def test_a_sound_that_ends_before_its_start_is_dropped_is_refused():
    with pytest.raises(InputError, match="100 samples is too short to drop 1120"):
        aligned(NOISE[:1], NOISE[:1, :100])
