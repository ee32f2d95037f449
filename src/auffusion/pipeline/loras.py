"""LoRA folders: `pytorch_lora_weights.safetensors`, and the new words that were learnt with it.

The weights are in diffusers' format, so that ``pipeline.load_lora_weights(folder)`` reads them as
well; this file adds what a record of a sound needs (a hash), words, and errors in a sentence.
"""

import hashlib
import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.pipeline.new_words import WORDS_FILES, load_new_words
from auffusion.pipeline.pipeline import AuffusionPipeline
from auffusion.weights import read_state

LORA_FILE = "pytorch_lora_weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """A LoRA folder and how strongly it is heard."""

    folder: Path
    """What `auffusion train lora` wrote as RUN/model, or one of diffusers'."""
    scale: float = 1.0
    """0 is not at all, 1 as it was trained."""

    @classmethod
    def parse(cls, text: str) -> "Lora":
        """FOLDER or FOLDER:SCALE.

        >>> Lora.parse("rain:0.5")
        Lora(folder=PosixPath('rain'), scale=0.5)
        """
        head, _, tail = text.rpartition(":")
        try:
            scale = float(tail) if head else 1.0
        except ValueError:
            # The colon belongs to the path.
            return cls(folder=Path(text))
        return cls(folder=Path(head or text), scale=scale)

    def __post_init__(self) -> None:
        if not -100 <= self.scale <= 100:
            raise InputError(f"the LoRA {self.folder} has scale {self.scale}: 0 to 1 is usual")


def lora_identity(folder: Path) -> str:
    """SHA-256 over the files of a LoRA folder.

    Raises:
        InputError: there is no LoRA.
    """
    digest = hashlib.sha256()
    for name in (LORA_FILE, *WORDS_FILES):
        path = folder / name
        if name == LORA_FILE or path.is_file():
            digest.update(name.encode() + _bytes(path))
    return digest.hexdigest()


def load_loras(pipeline: AuffusionPipeline, loras: Sequence[Lora]) -> None:
    """Put LoRAs, each at its scale, into a pipeline, and teach it their words.

    Raises:
        InputError: no LoRA, or one of another model.
    """
    if loras and find_spec("peft") is None:
        raise InputError("LoRAs need peft: pip install 'auffusion[train]'")
    loaded: Any = pipeline
    names = [f"lora{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        _load(loaded, lora.folder, name)
        load_new_words(pipeline, lora.folder)
    if names:
        loaded.set_adapters(names, [lora.scale for lora in loras])
        for part in loaded.components.values():
            # New layers come in training mode, and those of others may have dropout.
            if isinstance(part, nn.Module):
                part.eval()


def _load(pipeline: Any, folder: Path, name: str) -> None:  # noqa: ANN401
    _bytes(folder / LORA_FILE)
    misfit = _misfit(read_state(folder / LORA_FILE), pipeline.unet)
    try:
        if misfit:
            raise ValueError(misfit)
        with _quiet():
            pipeline.load_lora_weights(
                str(folder),
                weight_name=LORA_FILE,
                adapter_name=name,
                # Without this, diffusers would go on to pickled files.
                use_safetensors=True,
                local_files_only=True,
            )
    except (RuntimeError, ValueError, LookupError, TypeError, OSError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"the LoRA {folder} does not fit the model ({told}): use it with the model that it was "
            "trained on"
        ) from error


def _misfit(state: Mapping[str, Tensor], unet: Any) -> str:  # noqa: ANN401
    """Which layer the model does not have, or in another size; empty where all fit.

    diffusers passes over layers that a model does not have.
    """
    layers = dict(unet.named_modules())
    for key, weight in state.items():
        place, found, _ = key.removeprefix("unet.").partition(".lora_A.")
        if not found or not key.startswith("unet."):
            continue
        # Linear layers and convolutions alike: outputs, inputs, …
        size = getattr(getattr(layers.get(place), "weight", None), "shape", ())
        if tuple(size[1:2]) != tuple(weight.shape[1:2]):
            return f"{place} is of another size or not there"
    return ""


@contextmanager
def _quiet() -> Generator[None]:
    """What is as it should be is not warned of, and what is not is raised alone."""
    logger = logging.getLogger("diffusers.loaders")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
            # What does not fit in shape is raised; a LoRA of some of the layers is none the worse.
            warnings.filterwarnings("ignore", message="While injecting the PEFT adapters")
            yield
    finally:
        logger.setLevel(before)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"there is no LoRA {path.parent}: expected a folder with {LORA_FILE}"
        ) from error
