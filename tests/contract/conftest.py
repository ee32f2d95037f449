"""The tiny parts and the calls that others are compared with."""

import pytest

from auffusion.pipeline import tiny_pipeline


@pytest.fixture(scope="session")
def adapter_tiny():
    return quiet(tiny_pipeline(layout="adapter"))


@pytest.fixture(scope="session")
def stable_tiny():
    return quiet(tiny_pipeline(layout="stable-diffusion"))


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
