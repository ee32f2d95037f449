"""Tiny models, built once; sounds as short as the model makes them."""

import pytest

from auffusion.pipeline import tiny_pipeline, write_tiny_published

SHORT_S = 0.64
"""Eight latent columns."""


@pytest.fixture(scope="session")
def shared_tiny():
    """The tiny model with adapters; for tests that do not change it."""
    return quiet(tiny_pipeline())


@pytest.fixture
def tiny():
    """A tiny model of one's own."""
    return quiet(tiny_pipeline())


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Folders in the old format with the models they were written from, by layout."""
    found = {}
    for layout in ("adapter", "stable-diffusion"):
        folder = tmp_path_factory.mktemp(layout)
        found[layout] = (folder, quiet(write_tiny_published(folder, layout)))
    return found


@pytest.fixture
def sing():
    """A short call: ``sing(pipeline, **arguments)`` gives tensors."""

    def call(pipeline, prompt="a dog", **arguments):
        quiet(pipeline)
        settings = {
            "num_inference_steps": 2,
            "audio_length_in_s": SHORT_S,
            "output_type": "pt",
            **arguments,
        }
        return pipeline(prompt, **settings)

    return call


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
