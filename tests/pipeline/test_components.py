import pytest
import torch

from auffusion.pipeline import components
from auffusion.pipeline.components import (
    ConditionAdapterModel,
    FourierVocoderModel,
    HifiGanVocoder,
    PatchAutoencoderModel,
)
from auffusion.text import ConditionAdapter
from auffusion.vocoder import FourierVocoder, FourierVocoderConfig, HifiGan, HifiGanConfig

SMALL = HifiGanConfig(num_mels=8, upsample_initial_channel=32, upsample_kernel_sizes=(10, 8, 8, 4))


def log_mel(frames, bands=8):
    return torch.randn(1, bands, frames, generator=torch.Generator().manual_seed(0)) - 5


def test_a_long_spectrogram_sounds_the_same_in_windows(monkeypatch):
    torch.manual_seed(0)
    vocoder = HifiGanVocoder.wrap(HifiGan(SMALL))
    spectrogram = log_mel(200)
    with torch.no_grad():
        whole = vocoder(spectrogram)
        monkeypatch.setattr(components, "_WINDOW_FRAMES", 90)
        windows = vocoder(spectrogram)
    assert windows.shape == (1, 200 * 160)
    assert (windows - whole).abs().max() <= 1e-6


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_a_vocoder_keeps_its_precision_and_its_bits(precision):
    vocoder = HifiGanVocoder.wrap(HifiGan(SMALL))
    before = {name: tensor.clone() for name, tensor in vocoder.state_dict().items()}
    vocoder.to(torch.device("cpu"), precision).half()
    after = vocoder.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert vocoder.dtype == torch.float32
    assert vocoder(log_mel(4).to(precision)).dtype == torch.float32


def test_an_adapter_follows_the_precision():
    assert ConditionAdapterModel(4, 4).to(torch.bfloat16).dtype == torch.bfloat16


def test_wrapping_keeps_network_and_shape():
    torch.manual_seed(0)
    generator, adapter = HifiGan(SMALL), ConditionAdapter(3, 5)
    fourier = FourierVocoder(FourierVocoderConfig(bands=8, channels=16, blocks=1))
    assert HifiGanVocoder.wrap(generator).network is generator
    assert FourierVocoderModel.wrap(fourier).network is fourier
    wrapped = ConditionAdapterModel.wrap(adapter)
    assert wrapped.network is adapter
    assert (wrapped.config.condition_dim, wrapped.config.cross_attention_dim) == (3, 5)
    for vocoder in (HifiGanVocoder.wrap(generator), FourierVocoderModel.wrap(fourier)):
        assert (vocoder.bands, vocoder.hop_length) == (8, 160)


@pytest.mark.parametrize(
    "component",
    [
        HifiGanVocoder(
            num_mels=8,
            upsample_initial_channel=32,
            resblock_kernel_sizes=(3,),
            resblock_dilation_sizes=((1, 3, 5),),
        ),
        FourierVocoderModel(bands=8, channels=16, blocks=1),
        ConditionAdapterModel(3, 5),
        PatchAutoencoderModel(4, 8, 16, 1, 1, scaling_factor=0.5),
    ],
    ids=lambda component: type(component).__name__,
)
def test_a_component_is_saved_by_diffusers_and_read_again(component, tmp_path):
    component.save_pretrained(tmp_path)
    again = type(component).from_pretrained(tmp_path)
    expected = component.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.state_dict().items())
    assert again.state_dict().keys() == expected.keys()


def test_a_sliced_batch_of_pictures_is_the_same():
    torch.manual_seed(0)
    autoencoder = PatchAutoencoderModel(4, 8, 16, 1, 1).eval()
    image = torch.rand(2, 3, 32, 48)
    with torch.no_grad():
        whole = autoencoder.encode(image).latent_dist.mode()
        autoencoder.enable_slicing()
        sliced = autoencoder.encode(image).latent_dist.mode()
        autoencoder.disable_slicing()
    assert whole.shape == (2, 4, 2, 3)
    assert torch.allclose(whole, sliced, atol=1e-6)
    assert autoencoder.spatial_compression_ratio == 16
