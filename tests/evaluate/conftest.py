"""Folders of real sounds, and the means to measure them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

sys.path.insert(0, str(Path(__file__).parent))

from small_extractor import Bands

from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Means

SOUNDS = Path(__file__).parents[1] / "sounds"


@pytest.fixture
def means(tmp_path):
    """Means to measure with any network name, each being `Bands`."""
    return Means(cache=EmbeddingCache(tmp_path / "cache"), load=Bands)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """Two seconds of each of twelve real sounds, at 16 kHz."""
    folder = tmp_path_factory.mktemp("recordings")
    for path in sorted(SOUNDS.glob("*.flac")):
        samples, rate = sf.read(path, dtype="float32")
        step = max(1, round(rate / 16_000))
        sf.write(folder / f"{path.stem}.wav", samples[: 32_000 * step : step], 16_000)
    return folder


@pytest.fixture(scope="session")
def noisy(recordings, tmp_path_factory):
    """Make the recordings with so much noise, of the same names and lengths."""

    def make(level, seed=0):
        folder = tmp_path_factory.mktemp("noisy")
        generator = np.random.default_rng(seed)
        for path in sorted(recordings.iterdir()):
            samples, rate = sf.read(path)
            sf.write(
                folder / path.name, samples + level * generator.normal(size=len(samples)), rate
            )
        return folder

    return make
