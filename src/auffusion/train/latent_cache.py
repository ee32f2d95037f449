"""A data set's pictures as the VAE sees them, computed once (paper §3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from auffusion.data.blocks import Block, BlockReader
from auffusion.data.drawing import CROP, canvas, generator
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline
from auffusion.pipeline.identity import part_identity
from auffusion.train.loaded_model import load_model

_MOMENTS = "moments"


@dataclass(frozen=True, kw_only=True)
class MakeLatentComputer:
    """Loads data and model; sent to every process."""

    beyond: ClassVar[int] = 0
    data: Path
    """A prepared data set."""
    model: str
    """'embedded', a folder or a hub id."""
    crops: int = 1
    """Random crops of a clip that is longer than the training window; others have one."""
    seed: int = 0
    """Of the crops."""
    device: str = "cpu"
    """Where the model computes."""

    def __post_init__(self) -> None:
        if self.crops < 1:
            raise InputError(f"{self.crops} crops of a clip are none: choose 1 or more")

    def __call__(self) -> "LatentComputer":
        """A computer with a model of its own."""
        return LatentComputer(self)


class LatentComputer:
    """Clips to the moments of their VAE posteriors, a row a crop."""

    def __init__(self, job: MakeLatentComputer) -> None:
        self._job = job
        self._data = PreparedData(job.data)
        self._model = load_model(job.model, job.device)
        self._mel = MelSpectrogram(self._model.mel)
        self._width = self._model.canvas.samples(None)

    @property
    def about(self) -> dict[str, Any]:
        """The VAE's identity and how crops are drawn."""
        return {
            "kind": "latents",
            "vae": vae_identity(self._model),
            "scaling_factor": self._model.latent_codec.scaling_factor,
            "crops": self._job.crops,
            "seed": self._job.seed,
        }

    def told(self, clip: int) -> object:
        """The hash of its samples."""
        return self._data.clip(clip).sha256

    def compute(self, clips: Sequence[int]) -> Block:
        """Means and deviations, float16 [crop, 2, channel, height, width]."""
        rows: list[NDArray[np.float16]] = []
        starts = [0]
        for clip in clips:
            rows += [self._moments(piece) for piece in self._pieces(clip)]
            starts.append(len(rows))
        return Block(arrays={_MOMENTS: np.stack(rows)}, starts=starts)

    def _pieces(self, clip: int) -> list[NDArray[np.float32]]:
        """Its crops, each on a canvas. They depend on its content, not on its number."""
        samples = self._data.samples(clip)
        crop = min(CROP, self._width)
        count = self._job.crops if len(samples) > crop else 1
        own = int(self._data.clip(clip).sha256[:15], 16)
        return [
            canvas(
                samples,
                generator(self._job.seed, step, own, "crop"),
                crop=crop,
                width=self._width,
            )
            for step in range(count)
        ]

    def _moments(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        log_mel = self._mel(normalise_peak(torch.from_numpy(samples)[None]))
        image = self._model.image_codec.encode(log_mel)
        return self._model.latent_codec.moments(image)[0].half().cpu().numpy()


def vae_identity(model: AuffusionPipeline) -> str:
    """A hash of what decides a model's latents: VAE, front-end, picture scale and canvas."""
    return part_identity(model, ("vae",), ("image_scale", "mel", "canvas_frames"))


class LatentCache:
    """The moments of a data set's clips.

    Args:
        folder: what `compute_cache` wrote.

    Raises:
        InputError: no finished cache of latents is there.
    """

    def __init__(self, folder: Path) -> None:
        self._blocks = BlockReader(folder)
        self.about = self._blocks.about
        if self.about.get("kind") != "latents":
            raise InputError(f"{folder} holds a cache of {self.about.get('kind')}, not of latents")

    def __len__(self) -> int:
        return int(self.about["clips"])

    def moments(self, clip: int) -> NDArray[np.float16]:
        """[crop, 2, channel, height, width]: means and deviations, not yet scaled."""
        return self._blocks.rows(clip, _MOMENTS)

    def draw(self, clip: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """A latent [channel, height, width]: a crop, a draw of its posterior, scaled."""
        crops = self.moments(clip)
        mean, deviation = crops[int(rng.integers(len(crops)))].astype(np.float32)
        noise = np.asarray(rng.standard_normal(mean.shape), np.float32)
        return (mean + deviation * noise) * np.float32(self.about["scaling_factor"])
