"""The Fourier vocoder: its inverse transform is one, its seams and names are fixed."""

import math

import pytest
import torch

from auffusion.errors import InputError
from auffusion.vocoder import FourierVocoder, FourierVocoderConfig, Vocoder

TINY = FourierVocoderConfig(bands=8, channels=16, blocks=2)


@pytest.fixture(scope="module")
def vocoder():
    torch.manual_seed(0)
    return FourierVocoder(TINY).eval()


def log_mel(frames, batch=1):
    return torch.randn(batch, 8, frames, generator=torch.Generator().manual_seed(1)) * 2 - 5


@pytest.mark.parametrize("frames", [1, 2, 50])
def test_every_frame_gives_a_hop_of_samples(vocoder, frames):
    waveform = vocoder(log_mel(frames, batch=2))
    assert waveform.shape == (2, frames * 160)
    assert waveform.isfinite().all()


@pytest.mark.parametrize(("fft_length", "hop_length"), [(640, 160), (256, 64), (512, 160)])
def test_the_spectrum_of_a_sound_gives_back_the_sound(fft_length, hop_length):
    config = FourierVocoderConfig(
        bands=8, channels=16, blocks=1, fft_length=fft_length, hop_length=hop_length
    )
    sound = torch.randn(1, 20 * hop_length, generator=torch.Generator().manual_seed(2))
    edge = (fft_length - hop_length) // 2
    padded = torch.nn.functional.pad(sound, (edge, edge))
    spectrum = torch.stft(
        padded,
        fft_length,
        hop_length,
        window=torch.hann_window(fft_length),
        center=False,
        return_complex=True,
    )
    # Within the first and last frame few windows overlap, and where their sum is small it is
    # not divided by.
    inside = slice(fft_length, -fft_length)
    again = FourierVocoder(config)._overlap_add(spectrum)
    assert again.shape == sound.shape
    torch.testing.assert_close(again[:, inside], sound[:, inside], atol=1e-5, rtol=0)


def test_a_batch_is_its_items(vocoder):
    batch = log_mel(20, batch=3)
    each = torch.cat([vocoder(item[None]) for item in batch])
    torch.testing.assert_close(vocoder(batch), each, atol=1e-5, rtol=0)


def test_a_frame_is_heard_only_as_far_as_the_network_looks(vocoder):
    # Convolutions of width 7 reach 3 frames: the first layer and two blocks, 9; the transform
    # reaches less than 2 more.
    changed = log_mel(60)
    changed[:, :, 30] += 3.0
    with torch.no_grad():
        heard = (vocoder(changed) - vocoder(log_mel(60)))[0].abs().reshape(60, 160).amax(dim=1)
    assert heard[30] > 0
    assert heard[: 30 - 11].max() == 0
    assert heard[30 + 12 :].max() == 0


def test_it_can_be_trained(vocoder):
    vocoder(log_mel(10)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in vocoder.parameters())
    vocoder.zero_grad()


def test_a_huge_magnitude_stays_finite():
    torch.manual_seed(0)
    loud = FourierVocoder(TINY)
    with torch.no_grad():
        loud.head.bias[: 640 // 2 + 1] = 1000.0
        assert loud(log_mel(10)).isfinite().all()


def test_the_names_of_its_weights_are_those_of_the_embedded_model():
    names = {name.split(".", 2)[-1] if name.startswith("blocks") else name
             for name in FourierVocoder(TINY).state_dict()}  # fmt: skip
    outside = {f"{layer}.{kind}" for layer in ("embed", "norm_in", "norm_out", "head")
               for kind in ("weight", "bias")}  # fmt: skip
    inside = {f"{layer}.{kind}" for layer in ("depthwise", "norm", "widen", "narrow")
              for kind in ("weight", "bias")}  # fmt: skip
    assert names == outside | inside | {"scale"}


def test_it_is_a_vocoder(vocoder):
    assert isinstance(vocoder, Vocoder)
    assert math.prod(vocoder.window.shape) == 640


@pytest.mark.parametrize("fft_length", [300, 641])
def test_frames_that_do_not_overlap_are_refused(fft_length):
    with pytest.raises(InputError, match="must be even and at least twice the hop_length 160"):
        FourierVocoderConfig(fft_length=fft_length)
