"""The tiny model whose attention is watched."""

import pytest

from auffusion.pipeline import tiny_pipeline


@pytest.fixture(scope="session")
def tiny():
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
