"""A prepared data set of real sounds, laid out as AudioCaps is, and what makes tables of it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "evaluate"))
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from small_extractor import Bands
from small_tables import CAPTIONS, SYSTEMS, TABLE, write_source

from auffusion.data.preparation import Preparation
from auffusion.data.preparers.audiocaps import AUDIOCAPS
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Means
from auffusion.executor import SerialExecutor


@pytest.fixture(scope="session")
def audiocaps(tmp_path_factory):
    """A prepared AudioCaps of ten test clips."""
    root = tmp_path_factory.mktemp("audiocaps")
    write_source(root / "source", list(CAPTIONS))
    job = Preparation(data_set=AUDIOCAPS, source=root / "source", output=root / "prepared")
    job.run(SerialExecutor())
    return root / "prepared"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a tiny model of the real classes."""
    from auffusion.pipeline import tiny_pipeline

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_pipeline(seed=0).save_pretrained(folder)
    return folder


@pytest.fixture
def means(tmp_path):
    """Means to measure with any network name, each being `Bands`."""
    return Means(cache=EmbeddingCache(tmp_path / "cache"), load=Bands)


@pytest.fixture
def table(tmp_path, audiocaps, tiny_model):
    """Write a small table's file: lists, systems and what is given."""

    def write(more="", name="small", kind="scores", systems=None):
        path = tmp_path / f"{name}.toml"
        rows = SYSTEMS if systems is None else systems
        path.write_text(
            TABLE.format(kind=kind, more=more, data=audiocaps)
            + rows.replace("TINY", str(tiny_model))
        )
        return path

    return write
