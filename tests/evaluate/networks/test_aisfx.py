from collections import OrderedDict

import numpy as np
import pytest
import torch
from reference_networks import (
    aisfx_blocks,
    aisfx_embeddings,
    aisfx_logits,
    randomise,
)

from auffusion.audio.decoder import read_all_channels
from auffusion.errors import InputError
from auffusion.evaluate.aisfx import Aisfx, AisfxExtractor, spectrogram_blocks
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.weights import FoundWeights

HEADS = {
    "prosfx": 78,
    "soundlyTrain": 79,
    "ucsMixed": 69,
    "soundstormBalanced": 81,
    "productionelementsBalanced": 10,
    "cartoonexpressBalanced": 27,
    "hpxdigitalBalanced": 3,
    "series6000Balanced": 23,
    "series9000Balanced": 8,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published file's layout with random weights: (where it is, the state)."""
    state = OrderedDict(randomise(Aisfx(), 0).state_dict())
    heads = {name: (np.int64(i), count) for i, (name, count) in enumerate(HEADS.items())}
    path = tmp_path_factory.mktemp("aisfx") / "checkpoint.pth"
    torch.save((state, heads), path)
    return FoundWeights(path=path, sha256="-"), state


@pytest.fixture(scope="module")
def extractor(published):
    return AisfxExtractor("aisfx", published[0])


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (60_000, 1), (151_552, 1), (151_553, 2)])
def test_blocks_equal_a_plain_computation(noise, samples, count):
    sounds = noise(0, samples, items=2)
    found = spectrogram_blocks(sounds)
    assert found.shape == (2, count, 100, 96)
    expected = [aisfx_blocks(sound.numpy().astype(np.float64)) for sound in sounds]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), rtol=0, atol=1e-6)


def test_silence_is_zero():
    assert not spectrogram_blocks(torch.zeros(1, 44_100)).any()


def test_the_loudest_sound_stays_near_the_scale_of_the_training_data():
    # A full-scale square wave: ten thousand times its power is some nine decades above one.
    square = torch.ones(1, 44_100)
    square[:, ::2] = -1
    assert 0.5 < spectrogram_blocks(square).max() < 1.1


def test_embeddings_and_logits_equal_plain_layers_on_the_published_names(
    published, extractor, assert_close, pytestconfig
):
    assert isinstance(extractor, FeatureExtractor)
    state = published[1]
    samples, info = read_all_channels(pytestconfig.rootpath / "tests/sounds/bell.flac")
    sound = extractor.hearing.prepare(samples.T, info.sample_rate).repeat(1, 4)[:, :160_000]
    blocks = torch.from_numpy(aisfx_blocks(sound[0].numpy().astype(np.float64))).float()
    embeddings = aisfx_embeddings(state, blocks)
    found = extractor(torch.cat([sound, sound / 2]))
    assert_close(found["embedding"][0], embeddings)
    for head, array in enumerate(("logits_ucs78", "logits_ucs79", "logits_ucs69")):
        expected = aisfx_logits(state, head, embeddings).mean(dim=0, keepdim=True)
        assert_close(found[array][:1], expected)
    assert {name: x.shape[-1] for name, x in found.items()} == extractor.dimensions
    assert_close(extractor(sound)["embedding"], found["embedding"][:1], 3e-6)


def test_the_network_has_the_published_number_of_weights():
    with torch.device("meta"):
        state = Aisfx().state_dict()
    weights = {name: x.numel() for name, x in state.items() if x.is_floating_point()}
    assert round(sum(weights.values()) / 1e6, 2) == 6.22
    trunk = sum(count for name, count in weights.items() if name.startswith("embedding_net."))
    assert round(trunk / 1e6, 2) == 4.69
    assert [len(state[f"fc.{i}.4.bias"]) for i in range(9)] == list(HEADS.values())


@pytest.mark.parametrize("content", [{"a": torch.ones(1)}, (1, 2), ({}, {}, {})])
def test_another_file_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path)
    extractor = AisfxExtractor("aisfx", FoundWeights(path=path, sha256="-"))
    with pytest.raises(InputError, match="is no aisfx checkpoint"):
        extractor(torch.zeros(1, 44_100))
