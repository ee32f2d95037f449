"""Which kind of model folder it is, and its parts."""

from pathlib import Path
from typing import Any

import torch

from auffusion.errors import InputError
from auffusion.pipeline.published import (
    CONDITIONS,
    published_settings,
    read_adapter_layout,
    read_published_vocoder,
    read_stable_diffusion_layout,
)
from auffusion.pipeline.reading import read_object
from auffusion.pipeline.saved import CLASS, INDEX, load_saved_vocoder, read_saved


def read_parts(
    folder: Path,
    *,
    vocoder: Any = None,  # noqa: ANN401
    dtype: torch.dtype | None = None,
) -> dict[str, Any]:
    """The arguments of `AuffusionPipeline` for a model's folder.

    Args:
        folder: of any layout.
        vocoder: a vocoder or its folder, in place of the model's own.
        dtype: precision of all but the vocoder; None is float32.

    Raises:
        InputError: a folder of no known layout, or one that is incomplete or damaged.
    """
    given = _given_vocoder(vocoder)
    if (folder / CONDITIONS).is_file():
        return _published(read_adapter_layout(folder, dtype=dtype), folder, given)
    if not (folder / INDEX).is_file():
        raise InputError(f"{folder} is not a model folder: it has neither {INDEX} nor {CONDITIONS}")
    if read_object(folder / INDEX).get("_class_name") == CLASS:
        leave_out = None if given is None else "vocoder"
        parts = read_saved(folder, dtype=dtype, leave_out=leave_out)
        return parts if given is None else {**parts, "vocoder": given}
    if not ((folder / "text_encoder").is_dir() and (folder / "tokenizer").is_dir()):
        raise InputError(
            f"{folder} is not a model we can read: expected one of ours, a published Auffusion "
            "folder, or a Stable Diffusion 1.5 folder with text_encoder/ and tokenizer/"
        )
    return _published(read_stable_diffusion_layout(folder, dtype=dtype), folder, given)


def load_vocoder(folder: Path) -> Any:  # noqa: ANN401
    """The vocoder in a folder: ours or a published one.

    Raises:
        InputError: there is none, or it is damaged.
    """
    if (folder / "vocoder.pt").is_file():
        return read_published_vocoder(folder)
    return load_saved_vocoder(folder)


def _given_vocoder(vocoder: Any) -> Any:  # noqa: ANN401
    if not isinstance(vocoder, str | Path):
        return vocoder
    folder = Path(vocoder).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no vocoder folder '{vocoder}': give the folder of a vocoder")
    return load_vocoder(folder)


def _published(parts: dict[str, Any], folder: Path, vocoder: Any) -> dict[str, Any]:  # noqa: ANN401
    if vocoder is None and not (folder / "vocoder").is_dir():
        raise InputError(
            f"{folder} has no vocoder/: name a vocoder's folder, from_pretrained(…, vocoder=…)"
        )
    parts["vocoder"] = load_vocoder(folder / "vocoder") if vocoder is None else vocoder
    return parts | published_settings(parts)
