"""A model on its device, for the workers that compute with it."""

from typing import Any

from auffusion.pipeline import AuffusionPipeline


def load_model(name: str, device: str) -> AuffusionPipeline:
    """A model on a device, for a computer.

    Raises:
        InputError: no such model.
    """
    # diffusers does not annotate moving.
    model: Any = AuffusionPipeline.from_pretrained(name)
    return model.to(device)
