"""Where a denoiser's examples come from: caches, or what is encoded as it is drawn."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.clips import Clip
from auffusion.data.drawing import CROP, canvas
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline
from auffusion.shapes import SpecImage
from auffusion.train.latent_cache import LatentCache, vae_identity
from auffusion.train.loop_settings import Precision
from auffusion.train.seat import casting
from auffusion.train.text_cache import TextCache, encoders_alone, text_identity

Rows = Sequence[NDArray[np.floating[Any]]]
"""For each text encoder, its rows of a caption before any adapter, [token, feature]."""

Chosen = Sequence[tuple[int, int]]
"""(clip, which of its captions)."""

# Pictures that pass the VAE together: enough to keep a device busy, few enough for its memory.
_AT_ONCE = 4


@runtime_checkable
class Latents(Protocol):
    """Latents of numbered clips."""

    def draw(
        self, clips: Sequence[int], rngs: Sequence[np.random.Generator]
    ) -> Sequence[NDArray[np.float32]]:
        """One of each clip, scaled to unit variance: [channel, height, width]."""
        ...


@runtime_checkable
class Texts(Protocol):
    """Captions of numbered clips."""

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        ...

    def rows(self, chosen: Chosen) -> Sequence[Rows]:
        """The rows of each."""
        ...

    def silent(self) -> Rows:
        """The rows of no text."""
        ...


@runtime_checkable
class Clips(Protocol):
    """Numbered clips of one prepared set, or of several."""

    def clip(self, number: int) -> Clip:
        """What is known of one."""
        ...

    def samples(self, number: int) -> NDArray[np.int16]:
        """Its sound."""
        ...


class LiveLatents:
    """Sounds, cropped, analysed and encoded by the VAE as they are drawn.

    Args:
        data: the sounds.
        model: whose VAE it is, and its front-end.
        precision: of the VAE.
    """

    def __init__(self, data: Clips, model: AuffusionPipeline, precision: Precision) -> None:
        self._data, self._model = data, model
        self._precision: Precision = precision
        self._width = model.canvas.samples(None)

    # Made at the first draw: where all sets have caches, none comes.
    @cached_property
    def _device(self) -> torch.device:
        # Convolutions are faster with the channels last, on processors and accelerators alike.
        return self._model.components["vae"].to(memory_format=torch.channels_last).device

    @cached_property
    def _mel(self) -> MelSpectrogram:
        return MelSpectrogram(self._model.mel).to(self._device)

    def draw(
        self, clips: Sequence[int], rngs: Sequence[np.random.Generator]
    ) -> Sequence[NDArray[np.float32]]:
        """Latents of random crops: draws of the VAE's posterior, scaled."""
        crop = min(CROP, self._width)
        pieces = [
            canvas(self._data.samples(clip), rng, crop=crop, width=self._width)
            for clip, rng in zip(clips, rngs, strict=True)
        ]
        waveforms = torch.from_numpy(np.stack(pieces)).to(self._device)
        image = self._model.image_codec.encode(self._mel(normalise_peak(waveforms)))
        factor = np.float32(self._model.latent_codec.scaling_factor)
        return [
            (mean + deviation * np.asarray(rng.standard_normal(mean.shape), np.float32)) * factor
            for (mean, deviation), rng in zip(self._moments(image), rngs, strict=True)
        ]

    def _moments(self, image: SpecImage) -> NDArray[np.float32]:
        codec = self._model.latent_codec
        codec.slicing = False
        with casting(self._device, self._precision):
            parts = [codec.moments(image[i : i + _AT_ONCE]) for i in range(0, len(image), _AT_ONCE)]
        return torch.cat(parts).float().cpu().numpy()


class LiveTexts:
    """Captions, encoded as they are drawn.

    Args:
        data: the clips they are of.
        model: whose text encoders read them.
        precision: of the text encoders.
    """

    def __init__(self, data: Clips, model: AuffusionPipeline, precision: Precision) -> None:
        self._data = data
        self._precision: Precision = precision
        self._encoders = encoders_alone(model.text)
        self._device = model.components["text_encoder"].device

    def captions(self, clip: int) -> int:
        """How many a clip has."""
        return len(self._data.clip(clip).captions)

    def rows(self, chosen: Chosen) -> Sequence[Rows]:
        """The rows of each."""
        return self._encode([self._data.clip(clip).captions[which] for clip, which in chosen])

    def silent(self) -> Rows:
        """The rows of no text."""
        return self._encode([""])[0]

    def _encode(self, texts: Sequence[str]) -> Sequence[Rows]:
        with casting(self._device, self._precision):
            embeds = [one.encode(texts).embeds for one in self._encoders]
        # As exact as a cache keeps them.
        parts = [one.half().cpu().numpy() for one in embeds]
        return list(zip(*parts, strict=True))


def checked_latents(
    cache: LatentCache, data: PreparedData, model: AuffusionPipeline
) -> LatentCache:
    """The cached latents, if they are this model's and this data's.

    Raises:
        InputError: the cache is of other data or of another VAE.
    """
    if len(cache) != len(data) or cache.about["data"] != data.facts.about:
        raise InputError("the latents are not of this data set: run auffusion data cache again")
    if cache.about["vae"] != vae_identity(model):
        raise InputError("the latents are of another VAE: run auffusion data cache with this model")
    return cache


def checked_texts(cache: TextCache, data: PreparedData, model: AuffusionPipeline) -> TextCache:
    """The cached rows, if they are this data's and this model's.

    Raises:
        InputError: the cache is of other data or of other text encoders.
    """
    if len(cache) != len(data) or cache.about["data"] != data.facts.about:
        raise InputError("the texts are not of this data set: run auffusion data cache again")
    if cache.about["encoder"] != text_identity(model):
        raise InputError("the texts are of another model: run auffusion data cache with this model")
    return cache
