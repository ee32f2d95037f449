"""`auffusion train diffusion`: a text-to-image U-Net fine-tuned on sound, or one from scratch."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.card import write_card
from auffusion.train.denoising import ConditionedUnet, DenoisingTask, Objective
from auffusion.train.examples import open_latents, open_texts
from auffusion.train.latent_cache import LatentCache
from auffusion.train.listening import Listening, generated, write_page
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.starting_model import (
    StartingModel,
    adapters_of,
    load_starting_model,
    training_scheduler,
)
from auffusion.train.text_cache import TextCache


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The `[data]` table."""

    folder: Path
    """What `auffusion data prepare` wrote."""
    split: str = "train"
    """Which of its clips."""
    latents: Path | None = None
    """What `auffusion data cache` wrote as OUTPUT/latents; without, sounds are encoded as they are
    drawn."""
    text: Path | None = None
    """What it wrote as OUTPUT/text; without, captions are encoded as they are drawn."""


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig:
    """All that a run is told."""

    data: TrainingData
    """What it learns from."""
    model: StartingModel = field(default_factory=StartingModel)
    """What it starts from."""
    objective: Objective = field(default_factory=Objective)
    """What it minimises."""
    loop: LoopSettings = field(default_factory=LoopSettings)
    """How."""
    listening: Listening = field(default_factory=Listening)
    """What is played meanwhile."""


class ModelShowcase:
    """What becomes of a model that is trained: pages of its sounds, and a folder at the end."""

    def __init__(
        self,
        pipeline: AuffusionPipeline,
        listening: Listening,
        *,
        kind: str,
        config: Any,  # noqa: ANN401 - a dataclass
        data: PreparedData,
        run: Path,
    ) -> None:
        self._pipeline, self._listening = pipeline, listening
        self._kind, self._config, self._data, self._run = kind, config, data, run

    def listen(self, step: int, folder: Path) -> None:
        """Sounds of fixed prompts and seeds."""
        shown = generated(self._pipeline, self._listening)
        write_page(folder, f"step {step}", shown, self._pipeline.mel.sample_rate)

    def export(self, folder: Path) -> None:
        """A folder for `from_pretrained`, with a card."""
        pipeline: Any = self._pipeline
        pipeline.save_pretrained(folder)
        write_card(
            folder,
            kind=self._kind,
            config=asdict(self._config),
            data=self._data.facts,
            run=self._run,
        )


def clips_of(data: PreparedData, split: str) -> dict[int, str]:
    """Numbers and ids of a split's clips.

    Raises:
        InputError: it has none.
    """
    numbers = data.of_split(split)
    if not numbers:
        raise InputError(f"{data.folder} has no clip in the split {split!r}")
    return {number: data.clip(number).id for number in numbers}


def diffusion_task(config: DiffusionConfig, run: Path, device: str) -> DenoisingTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data or model, or caches that are not of them.
    """
    data = PreparedData(config.data.folder)
    pipeline = load_starting_model(config.model, config.loop.seed, device)
    unet: Any = pipeline.components["unet"]
    network: Any = ConditionedUnet(unet, adapters_of(pipeline))
    return DenoisingTask(
        # Convolutions are faster with the channels last, on processors and accelerators alike.
        network.to(memory_format=torch.channels_last),
        training_scheduler(pipeline),
        open_latents(data, pipeline, config.data.latents and LatentCache(config.data.latents)),
        open_texts(data, pipeline, config.data.text and TextCache(config.data.text)),
        clips_of(data, config.data.split),
        config.objective,
        batch=config.loop.batch,
        steps=config.loop.steps,
        seed=config.loop.seed,
        showcase=ModelShowcase(
            pipeline, config.listening, kind="diffusion", config=config, data=data, run=run
        ),
    )
