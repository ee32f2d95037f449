"""Where a denoiser's examples come from: caches, or what is encoded as it is drawn."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.drawing import CROP, canvas
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline
from auffusion.text import TextEncoder
from auffusion.train.latent_cache import LatentCache, vae_identity
from auffusion.train.text_cache import TextCache, encoders_alone, text_identity

Rows = Sequence[NDArray[np.floating[Any]]]
"""For each text encoder, its rows of a caption before any adapter, [token, feature]."""


@runtime_checkable
class Latents(Protocol):
    """Latents of numbered clips."""

    def draw(self, clip: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """One of a clip, scaled to unit variance: [channel, height, width]."""
        ...


@runtime_checkable
class Texts(Protocol):
    """Captions of numbered clips."""

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        ...

    def rows(self, clip: int, caption: int) -> Rows:
        """The rows of one."""
        ...

    def silent(self) -> Rows:
        """The rows of no text."""
        ...


class LiveLatents:
    """Sounds, cropped, analysed and encoded by the VAE as they are drawn."""

    def __init__(self, data: PreparedData, model: AuffusionPipeline) -> None:
        self._data, self._model = data, model
        self._mel = MelSpectrogram(model.mel)
        self._width = model.canvas.samples(None)

    def draw(self, clip: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """A random crop's latent: a draw of the VAE's posterior, scaled."""
        crop = min(CROP, self._width)
        piece = canvas(self._data.samples(clip), rng, crop=crop, width=self._width)
        log_mel = self._mel(normalise_peak(torch.from_numpy(piece)[None]))
        codec = self._model.latent_codec
        mean, deviation = codec.moments(self._model.image_codec.encode(log_mel))[0].float().cpu()
        noise = torch.from_numpy(np.asarray(rng.standard_normal(mean.shape), np.float32))
        return ((mean + deviation * noise) * codec.scaling_factor).numpy()


class LiveTexts:
    """Captions, encoded as they are drawn; each text once."""

    def __init__(self, data: PreparedData, encoders: Sequence[TextEncoder]) -> None:
        self._data, self._encoders = data, encoders
        self._known: dict[str, Rows] = {}

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        return len(self._data.clip(clip).captions)

    def rows(self, clip: int, caption: int) -> Rows:
        """The rows of one."""
        return self._encode(self._data.clip(clip).captions[caption])

    def silent(self) -> Rows:
        """The rows of no text."""
        return self._encode("")

    def _encode(self, text: str) -> Rows:
        if text not in self._known:
            self._known[text] = [
                encoder.encode([text]).embeds[0].half().cpu().numpy() for encoder in self._encoders
            ]
        return self._known[text]


class CachedTexts:
    """The rows that `auffusion data cache` kept."""

    def __init__(self, cache: TextCache) -> None:
        self._cache = cache

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        return self._cache.captions(clip)

    def rows(self, clip: int, caption: int) -> Rows:
        """The rows of one."""
        return self._cache.rows(clip, caption)

    def silent(self) -> Rows:
        """The rows of no text, which the cache keeps behind the last clip."""
        return self._cache.rows(len(self._cache), 0)


def open_latents(
    data: PreparedData, model: AuffusionPipeline, cache: LatentCache | None
) -> Latents:
    """The cached latents, if they are this model's and this data's; live ones where none are given.

    Raises:
        InputError: the cache is of other data or of another VAE.
    """
    if cache is None:
        return LiveLatents(data, model)
    if len(cache) != len(data) or cache.about["data"] != data.facts.about:
        raise InputError("the latents are not of this data set: run auffusion data cache again")
    if cache.about["vae"] != vae_identity(model):
        raise InputError("the latents are of another VAE: run auffusion data cache with this model")
    return cache


def open_texts(data: PreparedData, model: AuffusionPipeline, cache: TextCache | None) -> Texts:
    """The cached rows, if they are this data's; live ones where none are given.

    Raises:
        InputError: the cache is of other data or of another text encoders.
    """
    encoders = encoders_alone(model.text)
    if cache is None:
        return LiveTexts(data, encoders)
    if len(cache) != len(data) or cache.about["data"] != data.facts.about:
        raise InputError("the texts are not of this data set: run auffusion data cache again")
    if cache.about["encoder"] != text_identity(model):
        raise InputError("the texts are of another model: run auffusion data cache with this model")
    return CachedTexts(cache)
