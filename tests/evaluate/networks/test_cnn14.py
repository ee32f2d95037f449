import pytest
import torch

from auffusion.errors import InputError
from auffusion.evaluate.cnn14 import CNN14_16K, CNN14_32K, Cnn14, Cnn14Extractor
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.weights import FoundWeights


@pytest.mark.parametrize("rate", [16_000, 32_000])
def test_features_and_logits_equal_those_of_torchlibrosa_and_plain_layers(
    tiny_cnn14, noise, rate, assert_close
):
    extractor, reference = tiny_cnn14(rate)
    sounds = noise(0, 40_000, items=3)
    embedding, logits = reference(sounds)
    found = extractor(sounds)
    assert_close(found["embedding"], embedding)
    assert_close(found["logits"], logits)
    assert {name: x.shape[1] for name, x in found.items()} == extractor.dimensions


def test_an_extractor_is_one(tiny_cnn14):
    assert isinstance(tiny_cnn14()[0], FeatureExtractor)


def test_a_sound_has_the_same_features_in_any_company(tiny_cnn14, noise, assert_close):
    extractor, _ = tiny_cnn14()
    sounds = noise(1, 32_000, items=4)
    together = extractor(sounds)["embedding"]
    for i in range(4):
        assert_close(extractor(sounds[i : i + 1])["embedding"], together[i : i + 1], 3e-6)
    twins = extractor(sounds[[0, 0, 1]])["embedding"]
    assert torch.equal(twins[0], twins[1])
    assert not torch.equal(twins[0], twins[2])


def test_silence_has_finite_features(tiny_cnn14, assert_close):
    extractor, reference = tiny_cnn14()
    silence = torch.zeros(1, 32_000)
    assert_close(extractor(silence)["logits"], reference(silence)[1])


def test_the_matrices_of_the_file_are_used(tiny_cnn14, noise, tmp_path, assert_close):
    extractor, reference = tiny_cnn14()
    reference.logmel_extractor.melW.mul_(2.0)
    path = tmp_path / "other.pth"
    torch.save({"model": reference.state_dict()}, path)
    found = FoundWeights(path=path, sha256="-")
    other = Cnn14Extractor("other", found, extractor_config(reference))
    sounds = noise(2, 32_000)
    assert_close(other(sounds)["embedding"], reference(sounds)[0])
    assert not torch.allclose(other(sounds)["embedding"], extractor(sounds)["embedding"])


def extractor_config(reference):
    channels = reference.conv_block1.conv1.out_channels
    classes = reference.fc_audioset.out_features
    return type(CNN14_16K)(channels=channels, classes=classes)


@pytest.mark.parametrize("samples", [1, 256, 4959])
def test_a_sound_too_short_to_pool_is_refused(tiny_cnn14, samples):
    with pytest.raises(InputError, match=f"{samples} samples is too short for Cnn14"):
        tiny_cnn14()[0](torch.zeros(1, samples))


def test_the_shortest_sound_is_long_enough(tiny_cnn14, noise, assert_close):
    extractor, reference = tiny_cnn14()
    sound = noise(3, 4960)
    assert_close(extractor(sound)["embedding"], reference(sound)[0])


def test_the_published_network_has_the_bytes_of_the_published_file():
    # Cnn14_mAP=0.431.pth has 327,428,481 bytes; its archive's names and headers take some too.
    with torch.device("meta"):
        state = Cnn14(CNN14_32K).state_dict()
    held = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    assert 0 < 327_428_481 - held < 20_000
    assert state["fc1.weight"].shape == (2048, 2048)
    assert state["fc_audioset.weight"].shape == (527, 2048)
    assert state["spectrogram_extractor.stft.conv_real.weight"].shape == (513, 1, 1024)
    assert state["logmel_extractor.melW"].shape == (513, 64)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"weights": 1}, "no weights under 'model'"),
        ({"model": {}}, "missing"),
        ({"model": {"bn0.weight": "text"}}, "where a tensor was expected"),
    ],
)
def test_another_checkpoint_is_refused_in_one_sentence(tmp_path, noise, content, told):
    path = tmp_path / "Cnn14.pth"
    torch.save(content, path)
    extractor = Cnn14Extractor("x", FoundWeights(path=path, sha256="-"))
    with pytest.raises(InputError, match=told):
        extractor(noise(0, 32_000))
