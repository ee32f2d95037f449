"""Auffusion: text to audio with latent diffusion on spectrogram pictures.

Importing the package loads neither torch nor diffusers; what is named here comes when it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from auffusion.lazy import lazy_names

if TYPE_CHECKING:
    from auffusion.audio import read_audio as read_audio
    from auffusion.audio import write_audio as write_audio
    from auffusion.models import embedded_model as embedded_model
    from auffusion.pipeline import AuffusionOutput as AuffusionOutput
    from auffusion.pipeline import AuffusionPipeline as AuffusionPipeline

    __version__: str

_HOMES = {
    "read_audio": "auffusion.audio",
    "write_audio": "auffusion.audio",
    "AuffusionPipeline": "auffusion.pipeline",
    "AuffusionOutput": "auffusion.pipeline",
    "embedded_model": "auffusion.models",
}
__all__ = [
    "AuffusionOutput",
    "AuffusionPipeline",
    "__version__",
    "embedded_model",
    "read_audio",
    "write_audio",
]
_load = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home defines
    """The public names, loaded at their first use."""
    if name == "__version__":
        # Reading the installation's records takes longer than all the rest of this file.
        return import_module("importlib.metadata").version("auffusion")
    return _load(name)


def __dir__() -> list[str]:
    return __all__
