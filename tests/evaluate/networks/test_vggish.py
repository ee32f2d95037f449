import numpy as np
import pytest
import torch
from reference_networks import vggish_embeddings, vggish_examples

from auffusion.errors import InputError
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.vggish import Vggish, VggishConfig, VggishExtractor, log_mel_examples
from auffusion.evaluate.weights import FoundWeights

# Names and shapes of vggish-10086976.pth.
SHAPES = {
    "features.0": (64, 1, 3, 3),
    "features.3": (128, 64, 3, 3),
    "features.6": (256, 128, 3, 3),
    "features.8": (256, 256, 3, 3),
    "features.11": (512, 256, 3, 3),
    "features.13": (512, 512, 3, 3),
    "embeddings.0": (4096, 12_288),
    "embeddings.2": (4096, 4096),
    "embeddings.4": (128, 4096),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published file's names and shapes with random weights: (where it is, its content)."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for layer, shape in SHAPES.items():
        reach = np.prod(shape[1:]) ** -0.5
        weight = torch.rand(shape, generator=generator) - 0.5
        state[f"{layer}.weight"] = weight.mul_(4 * reach)
        state[f"{layer}.bias"] = torch.rand(shape[0], generator=generator) - 0.5
    path = tmp_path_factory.mktemp("vggish") / "vggish-10086976.pth"
    torch.save(state, path)
    return FoundWeights(path=path, sha256="-"), state


@pytest.fixture(scope="module")
def extractor(published):
    return VggishExtractor("vggish", published[0], VggishConfig())


@pytest.mark.parametrize(("hop", "count"), [(96, 3), (50, 5)])
def test_examples_equal_a_plain_computation(noise, hop, count):
    sounds = noise(0, 50_000, items=2)
    found = log_mel_examples(sounds, hop)
    for sound, examples in zip(sounds, found, strict=True):
        expected = vggish_examples(sound.numpy().astype(np.float64), hop)
        assert len(expected) == count
        np.testing.assert_allclose(examples.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "count"), [(15_600, 1), (30_959, 1), (32_000, 2), (160_000, 10)]
)
def test_what_is_left_of_an_example_at_the_end_is_dropped(samples, count):
    assert log_mel_examples(torch.zeros(1, samples)).shape == (1, count, 96, 64)


def test_silence_is_the_logarithm_of_the_offset():
    assert log_mel_examples(torch.zeros(1, 15_600)).unique().tolist() == pytest.approx(
        [np.log(0.01)]
    )


def test_a_sound_of_less_than_an_example_is_refused():
    with pytest.raises(InputError, match="15599 samples is too short for VGGish"):
        log_mel_examples(torch.zeros(1, 15_599))


def test_embeddings_equal_plain_layers_on_the_published_names(
    published, extractor, noise, assert_close
):
    assert isinstance(extractor, FeatureExtractor)
    sounds = noise(1, 32_000, items=2)
    examples = torch.from_numpy(
        np.concatenate([vggish_examples(x.numpy().astype(np.float64)) for x in sounds])
    )
    expected = vggish_embeddings(published[1], examples.float()).reshape(2, 2, 128)
    assert (expected < 0).any()
    found = extractor(sounds)["embedding"]
    assert_close(found, expected)
    alone = torch.cat([extractor(sound[None])["embedding"] for sound in sounds])
    assert_close(alone, found, 3e-6)


def test_the_last_rectifier_is_on_only_where_it_is_asked_for(published, extractor, noise):
    rectified = VggishExtractor("vggish-relu", published[0], VggishConfig(last_relu=True))
    sound = noise(2, 32_000)
    plain = extractor(sound)["embedding"]
    assert torch.equal(rectified(sound)["embedding"], plain.clamp_min(0))
    assert rectified.front_end != extractor.front_end


def test_the_network_has_the_published_number_of_weights():
    with torch.device("meta"):
        state = Vggish().state_dict()
    assert sum(tensor.numel() for tensor in state.values()) == 72_141_184
    names = {name for layer in SHAPES for name in (f"{layer}.weight", f"{layer}.bias")}
    assert state.keys() == names


def test_another_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "vggish-10086976.pth"
    torch.save({"features.0.weight": torch.ones(64, 1, 3, 3)}, path)
    extractor = VggishExtractor("x", FoundWeights(path=path, sha256="-"), VggishConfig())
    with pytest.raises(InputError, match=r"does not fit VGGish: 17 missing .*fetch the file again"):
        extractor(torch.zeros(1, 32_000))
