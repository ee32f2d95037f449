"""What scores are computed of: features of two sides, captions, and the sounds themselves."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike, NDArray

from auffusion.audio import read_audio
from auffusion.errors import InputError
from auffusion.evaluate.rows import AnyRows
from auffusion.evaluate.weighted import ClipRows
from auffusion.shapes import Waveform

EmbedTexts = Callable[[str, Sequence[str]], AnyRows]
"""Embeddings of texts by an extractor's name: [text, feature]."""


@runtime_checkable
class Features(Protocol):
    """Arrays of clips, one clip after the other."""

    def of_each(self, extractor: str, array: str) -> Iterator[NDArray[np.float32]]:
        """Of each clip [feature] or [piece, feature]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Side:
    """Clips of one side, in an order of their own."""

    names: tuple[str, ...]
    """Of all clips that have features, in their order."""
    paths: tuple[Path, ...]
    """Where their files lie."""
    features: Features
    """Of all of them."""
    chosen: tuple[int, ...]
    """Places of the clips that this side has."""

    @classmethod
    def of(cls, names: Sequence[str], paths: Sequence[Path], features: Features) -> "Side":
        """All clips."""
        return cls(
            names=tuple(names),
            paths=tuple(paths),
            features=features,
            chosen=tuple(range(len(names))),
        )

    def __len__(self) -> int:
        return len(self.chosen)

    def take(self, places: Iterable[int]) -> "Side":
        """Some of its clips, in this order."""
        return replace(self, chosen=tuple(self.chosen[place] for place in places))

    def pieces(self, extractor: str, array: str) -> ClipRows:
        """All rows of each clip."""
        found = [np.atleast_2d(rows) for rows in self.features.of_each(extractor, array)]
        own = [found[place] for place in self.chosen]
        return ClipRows(
            rows=np.concatenate(own).astype(np.float64),
            pieces=np.array([len(rows) for rows in own], np.int64),
        )

    def means(self, extractor: str, array: str) -> ClipRows:
        """One row a clip, the mean of its pieces."""
        found = [
            np.atleast_2d(rows).mean(axis=0, dtype=np.float64)
            for rows in self.features.of_each(extractor, array)
        ]
        return ClipRows.of(np.stack(found)[list(self.chosen)])

    def waveforms(self, sample_rate: int) -> Iterator[tuple[str, Waveform]]:
        """Each clip's name and sound, mono."""
        for place in self.chosen:
            yield self.names[place], read_audio(self.paths[place], sample_rate=sample_rate)


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a score is given."""

    reference: Side
    """Recordings."""
    generated: Side
    """What was made."""
    paired: bool = True
    """Whether clip k of the one side belongs to clip k of the other."""
    captions: tuple[str, ...] | None = None
    """Of each generated clip."""
    embed_texts: EmbedTexts | None = None
    """What makes embeddings of captions."""

    def texts(self, extractor: str) -> Float64[np.ndarray, "caption feature"]:
        """Embeddings of the captions.

        Raises:
            InputError: there are no captions, or nothing that could read them.
        """
        if self.captions is None or self.embed_texts is None:
            raise InputError("this score needs captions: give a list of them (--captions)")
        return np.asarray(self.embed_texts(extractor, self.captions), np.float64)


class RememberedFeatures:
    """Arrays of clips, each read once however many scores and controls ask for it.

    Args:
        features: where they are.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._known: dict[tuple[str, str], list[NDArray[np.float32]]] = {}

    def of_each(self, extractor: str, array: str) -> Iterator[NDArray[np.float32]]:
        """See `Features`."""
        wanted = extractor, array
        if wanted not in self._known:
            self._known[wanted] = list(self._features.of_each(extractor, array))
        yield from self._known[wanted]


class RememberedTexts:
    """Embeddings of texts, each computed once however often it is asked for.

    Args:
        embed: of an extractor's name and texts.
    """

    def __init__(self, embed: Callable[[str, Sequence[str]], ArrayLike]) -> None:
        self._embed = embed
        self._known: dict[tuple[str, str], NDArray[np.float64]] = {}

    def __call__(self, extractor: str, texts: Sequence[str]) -> AnyRows:
        """One row a text."""
        new = [text for text in dict.fromkeys(texts) if (extractor, text) not in self._known]
        if new:
            rows = np.asarray(self._embed(extractor, new), np.float64)
            self._known |= {(extractor, t): row for t, row in zip(new, rows, strict=True)}
        return np.stack([self._known[extractor, text] for text in texts])
