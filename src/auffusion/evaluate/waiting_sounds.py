"""Sounds that wait until enough of one length are together for a network."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.evaluate.embedding_cache import DamagedEntryError, EmbeddingCache, shelf_of
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.heard_sound import HeardSound
from auffusion.evaluate.hearing import Hearing
from auffusion.shapes import Waveform

_MOST_SAMPLES = 1 << 26  # a quarter of a gigabyte


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    digest: str
    waveform: Waveform
    missing: frozenset[str]


class WaitingSounds:
    """Takes sounds, and puts their features into a cache; only sounds of one length are batched.

    Padding to a common length would change the features.

    Args:
        extractors: whose features are wanted; no two of one name.
        cache: where they are kept.
        batch_s: seconds of sound in a batch; a longer sound is one by itself.
    """

    def __init__(
        self, extractors: Sequence[FeatureExtractor], cache: EmbeddingCache, *, batch_s: float
    ) -> None:
        self._extractors = {shelf_of(one): one for one in extractors}
        self._cache = cache
        self._batch_s = batch_s
        self._waiting: dict[tuple[Hearing, int], list[_Prepared]] = defaultdict(list)
        self._samples = 0
        self.computed = 0
        """Entries written so far."""
        self.damaged: list[str] = []
        """A sentence for each entry that was found damaged."""

    def add(self, sound: HeardSound, channels: NDArray[np.float32]) -> None:
        """Take a sound; features that the cache has are not computed."""
        missing = [shelf for shelf in self._extractors if not self._has(shelf, sound.digest)]
        # Each preparation once, whoever shares it.
        for hearing in dict.fromkeys(self._extractors[shelf].hearing for shelf in missing):
            waveform = hearing.prepare(channels, sound.sample_rate)
            prepared = _Prepared(digest=sound.digest, waveform=waveform, missing=frozenset(missing))
            self._add(hearing, prepared)

    def finish(self) -> None:
        """Compute whatever still waits."""
        for hearing, length in list(self._waiting):
            self._compute(hearing, length)

    def _has(self, shelf: str, digest: str) -> bool:
        try:
            return self._cache.read(shelf, digest) is not None
        except DamagedEntryError as error:
            self.damaged.append(str(error))
            return False

    def _add(self, hearing: Hearing, prepared: _Prepared) -> None:
        length = prepared.waveform.shape[-1]
        alike = self._waiting[hearing, length]
        alike.append(prepared)
        self._samples += length
        if (len(alike) + 1) * length > self._batch_s * hearing.sample_rate:
            self._compute(hearing, length)
        elif self._samples > _MOST_SAMPLES:
            self.finish()

    def _compute(self, hearing: Hearing, length: int) -> None:
        alike = self._waiting.pop((hearing, length))
        self._samples -= len(alike) * length
        for shelf, extractor in self._extractors.items():
            lacking = {one.digest: one for one in alike if shelf in one.missing}
            if extractor.hearing != hearing or not lacking:
                continue
            features = extractor(torch.cat([one.waveform for one in lacking.values()]))
            for row, digest in enumerate(lacking):
                entry = {name: array[row].numpy() for name, array in features.items()}
                self._cache.write(shelf, digest, entry)
                self.computed += 1
