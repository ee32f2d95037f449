"""A data set's captions as the text encoders say them, computed once (paper §3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.blocks import Block, BlockReader
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.identity import part_identity
from auffusion.text import TextEncoder
from auffusion.train.loaded_model import load_model

_PLACES = "places"
_PARTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")


@dataclass(frozen=True, kw_only=True)
class MakeTextComputer:
    """Loads data and model; sent to every process."""

    # No text, which guidance needs.
    beyond: ClassVar[int] = 1
    data: Path
    """A prepared data set."""
    model: str
    """'embedded', a folder or a hub id."""
    device: str = "cpu"
    """Where the model computes."""

    def __call__(self) -> "TextComputer":
        """A computer with a model of its own."""
        return TextComputer(self)


class TextComputer:
    """Captions to the encoders' rows before any adapter, a row a token.

    Behind the last clip, number `len(data)` stands for the empty caption.
    """

    def __init__(self, job: MakeTextComputer) -> None:
        self._data = PreparedData(job.data)
        self._model = load_model(job.model, job.device)
        self._encoders = encoders_alone(self._model.text)

    @property
    def about(self) -> dict[str, Any]:
        """The encoders' identity and the convention of their rows."""
        return {
            "kind": "text",
            "encoder": text_identity(self._model),
            "encoders": len(self._encoders),
            "tokens": int(self._model.config["text_max_length"]),
        }

    def told(self, clip: int) -> object:
        """Its captions."""
        return self._captions(clip)

    def compute(self, clips: Sequence[int]) -> Block:
        """Encoder i's rows, `rows{i}` [row, feature], and where each caption's are.

        `places` [caption, encoder, 2] holds the first row and the number of rows.
        """
        captions = [self._captions(clip) for clip in clips]
        every = [caption for group in captions for caption in group]
        arrays: dict[str, NDArray[Any]] = {}
        places: list[NDArray[np.int64]] = []
        for i, encoder in enumerate(self._encoders):
            # Many clips share a caption; each is encoded once.
            said = {caption: _spoken(encoder, caption) for caption in dict.fromkeys(every)}
            rows = [said[caption] for caption in every]
            ends = np.cumsum([len(one) for one in rows])
            places.append(np.stack([np.concatenate([[0], ends[:-1]]), np.diff(ends, prepend=0)], 1))
            arrays[_rows_of(i)] = np.concatenate(rows)
        starts = np.cumsum([0, *(len(group) for group in captions)]).tolist()
        return Block(arrays={_PLACES: np.stack(places, 1)} | arrays, starts=starts)

    def _captions(self, clip: int) -> list[str]:
        return list(self._data.clip(clip).captions) if clip < len(self._data) else [""]


def text_identity(model: AuffusionPipeline) -> str:
    """A hash of what decides a model's rows before its adapters."""
    return part_identity(model, _PARTS, ("text_convention", "text_max_length"))


class TextCache:
    """The encoders' rows of a data set's captions.

    Args:
        folder: what `compute_cache` wrote.

    Raises:
        InputError: no finished cache of texts is there.
    """

    def __init__(self, folder: Path) -> None:
        self._blocks = BlockReader(folder)
        self.about = self._blocks.about
        if self.about.get("kind") != "text":
            raise InputError(f"{folder} holds a cache of {self.about.get('kind')}, not of text")

    def __len__(self) -> int:
        return int(self.about["clips"])

    def captions(self, clip: int) -> int:
        """How many captions a clip has; clip `len(self)` is no text."""
        return len(self._blocks.rows(clip, _PLACES))

    def rows(self, clip: int, caption: int) -> list[NDArray[np.float16]]:
        """For each encoder the rows of a caption [token, feature], zero behind its last token."""
        found: list[NDArray[np.float16]] = []
        for i, (first, count) in enumerate(self._blocks.rows(clip, _PLACES)[caption]):
            kept = self._blocks.whole(clip, _rows_of(i))[first : first + count]
            found.append(np.pad(kept, ((0, self.about["tokens"] - len(kept)), (0, 0))))
        return found


def encoders_alone(text: TextEncoder) -> list[TextEncoder]:
    """Each encoder of a text stage by itself, without its adapter."""
    return [
        TextEncoder([replace(branch, adapter=None)], text.convention) for branch in text.branches
    ]


def _rows_of(encoder: int) -> str:
    return f"rows{encoder}"


def _spoken(encoder: TextEncoder, caption: str) -> NDArray[np.float16]:
    """The rows of a caption up to the last that is not zero."""
    rows = encoder.encode([caption]).embeds[0].half().cpu()
    said = torch.nonzero(rows.any(dim=1))
    return rows[: int(said[-1]) + 1 if len(said) else 0].numpy()
