import numpy as np
import pytest
import torch
from reference_networks import passt_features, passt_spectrogram

from auffusion.errors import InputError
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.hearing import Hearing, av_bench
from auffusion.evaluate.passt import Passt, PasstConfig, PasstExtractor, log_mel
from auffusion.evaluate.weights import FoundWeights

TINY = PasstConfig(width=24, depth=2, heads=3, classes=7)
TEN_SECONDS = av_bench(32_000, seconds=10, shortest=320_000)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small transformer under the published names: (where it is, its content)."""
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(tensor.shape, generator=generator) * 0.3 / max(1, tensor.ndim - 1)
        for name, tensor in Passt(TINY).state_dict().items()
    }
    path = tmp_path_factory.mktemp("passt") / "passt-s-f128-p16-s10-ap.476-swa.pt"
    torch.save(state, path)
    return FoundWeights(path=path, sha256="-"), state


@pytest.fixture(scope="module")
def extractor(published):
    return PasstExtractor("passt", published[0], TEN_SECONDS, TINY)


def test_the_spectrogram_equals_a_plain_computation(noise):
    sounds = noise(0, 20_000, items=2)
    expected = [passt_spectrogram(sound.numpy().astype(np.float64)) for sound in sounds]
    found = log_mel(sounds)
    assert found.shape == (2, 128, 63)
    # In bands with hardly any power the logarithm makes more of float32's rounding.
    np.testing.assert_allclose(found.numpy(), np.stack(expected), rtol=0, atol=3e-5)
    assert np.abs(found.numpy() - np.stack(expected)).mean() < 1e-6


def test_ten_seconds_are_a_thousand_frames_and_silence_is_the_floor():
    found = log_mel(torch.zeros(1, 320_000))
    assert found.shape == (1, 128, 1000)
    assert found.unique().tolist() == pytest.approx([(np.log(1e-5) + 4.5) / 5])


def test_features_and_logits_equal_plain_arithmetic_on_the_published_names(
    published, extractor, noise, assert_close
):
    assert isinstance(extractor, FeatureExtractor)
    sounds = noise(1, 320_000, items=2)
    found = extractor(sounds)
    for i, sound in enumerate(sounds):
        spectrogram = torch.from_numpy(passt_spectrogram(sound.numpy().astype(np.float64))).float()
        features, logits = passt_features(published[1], spectrogram, TINY.heads)
        assert_close(found["embedding"][i], features)
        assert_close(found["logits"][i], logits)
    assert (found["embedding"][0] - found["embedding"][1]).abs().max() > 1e-3
    assert {name: x.shape[1] for name, x in found.items()} == extractor.dimensions
    assert_close(extractor(sounds[:1])["logits"], found["logits"][:1], 3e-6)


def test_the_published_network_has_the_bytes_of_the_published_file():
    # 344,665,734 bytes; the archive's 159 names and headers take some too.
    with torch.device("meta"):
        state = Passt().state_dict()
    held = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    assert len(state) == 159
    assert 0 < 344_665_734 - held < 60_000
    assert state["time_new_pos_embed"].shape == (1, 768, 1, 99)
    assert state["freq_new_pos_embed"].shape == (1, 768, 12, 1)


def test_a_sound_is_cut_and_filled_up_to_ten_seconds(noise):
    eight = av_bench(32_000, seconds=8, shortest=320_000)
    sound = noise(2, 400_000).numpy()
    found = eight.prepare(sound, 32_000)
    assert found.shape == (1, 320_000)
    np.testing.assert_allclose(found[0, :256_000], (sound - sound.mean())[0, :256_000], atol=1e-7)
    assert not found[:, 256_000:].any()
    assert TEN_SECONDS.prepare(sound, 32_000).shape == (1, 320_000)


@pytest.mark.parametrize("hearing", [Hearing(sample_rate=32_000), av_bench(16_000, seconds=10)])
def test_it_is_not_given_sounds_of_another_length_or_rate(published, hearing):
    with pytest.raises(InputError, match="PaSST hears 320000 samples at 32000 Hz, not"):
        PasstExtractor("passt", published[0], hearing, TINY)


def test_another_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "passt.pt"
    torch.save({"cls_token": torch.ones(1, 1, 24)}, path)
    extractor = PasstExtractor("x", FoundWeights(path=path, sha256="-"), TEN_SECONDS, TINY)
    with pytest.raises(InputError, match=r"does not fit PaSST-S: 38 missing .*fetch the file"):
        extractor(torch.zeros(1, 320_000))
