import shutil

import pytest

from auffusion.cli import main


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A folder with a tiny model of the real classes; nobody writes to it."""
    from auffusion.pipeline import tiny_pipeline

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_pipeline(seed=0).save_pretrained(folder)
    return folder


@pytest.fixture
def model_copy(tiny_model, tmp_path_factory):
    """A copy of the tiny model that a test may spoil."""
    folder = tmp_path_factory.mktemp("spoilt") / "tiny"
    shutil.copytree(tiny_model, folder)
    return folder


@pytest.fixture
def auffusion(capsys):
    """Run the real command in this process: status, stdout and stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        return (status, *capsys.readouterr())

    return run
