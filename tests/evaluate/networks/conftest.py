"""Networks with random weights, in files laid out exactly as the published ones."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from reference_networks import ReferenceCnn14, randomise

from auffusion.evaluate.cnn14 import Cnn14Config, Cnn14Extractor
from auffusion.evaluate.weights import FoundWeights, file_sha256

SOUNDS = Path(__file__).parents[2] / "sounds"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Little work, and sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def noise():
    """Sounds of any length: noise that swells, so that no two stretches are alike."""

    def draw(seed, samples, items=1):
        rng = np.random.default_rng(seed)
        swell = np.linspace(0.02, 0.3, samples)
        return torch.from_numpy((rng.standard_normal((items, samples)) * swell).astype("f4"))

    return draw


@pytest.fixture(scope="session")
def tiny_cnn14(tmp_path_factory):
    """(extractor, the reference with the same weights) of a narrow Cnn14 in a published file."""

    def make(sample_rate=16_000, seed=0):
        at_32k = {"fft_length": 1024, "hop_length": 320, "high_hz": 14_000.0}
        config = Cnn14Config(
            sample_rate=sample_rate,
            channels=4,
            classes=7,
            **(at_32k if sample_rate == 32_000 else {}),
        )
        reference = randomise(ReferenceCnn14(config), seed)
        path = tmp_path_factory.mktemp("cnn14") / "Cnn14.pth"
        # The published 16 kHz file holds its sampler too, with arrays of numpy.
        sampler = {"indexes": np.arange(5), "pointer": np.int64(3)}
        content = {"iteration": 1, "model": reference.state_dict(), "sampler": sampler}
        torch.save(content, path)
        found = FoundWeights(path=path, sha256=file_sha256(path))
        return Cnn14Extractor(f"tiny-{sample_rate}", found, config), reference

    return make


@pytest.fixture(scope="session")
def assert_close():
    """Largest error relative to the largest number, of rows that are not all alike."""

    def check(found, expected, relative=1e-5):
        found, expected = torch.as_tensor(found), torch.as_tensor(expected)
        assert found.shape == expected.shape
        largest = expected.abs().max()
        assert (found - expected).abs().max() <= relative * largest
        assert expected.std(dim=-1).min() > 1e-3 * largest, "features that are not alive"

    return check


@pytest.fixture
def sha256_of():
    def digest(content):
        return hashlib.sha256(content).hexdigest()

    return digest
