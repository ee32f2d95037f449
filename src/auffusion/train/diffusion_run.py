"""`auffusion train diffusion`: a text-to-image U-Net fine-tuned on sound, or one from scratch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from auffusion.data.assembling import PreparedFacts
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.card import write_card
from auffusion.train.denoising import ConditionedUnet, DenoisingTask, Objective
from auffusion.train.listening import Listening, generated, write_page
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.starting_model import (
    StartingModel,
    adapters_of,
    load_starting_model,
    training_scheduler,
)
from auffusion.train.training_data import TrainingData, open_training_data


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
        data: Sequence[PreparedFacts],
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
            data=self._data[0],
            more=self._data[1:],
            run=self._run,
        )


def diffusion_task(config: DiffusionConfig, run: Path, device: str) -> DenoisingTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data or model, or caches that are not of them.
    """
    pipeline = load_starting_model(config.model, config.loop.seed, device)
    examples = open_training_data(config.data, pipeline, config.loop.precision)
    unet: Any = pipeline.components["unet"]
    network: Any = ConditionedUnet(unet, adapters_of(pipeline))
    return DenoisingTask(
        # Convolutions are faster with the channels last, on processors and accelerators alike.
        network.to(memory_format=torch.channels_last),
        training_scheduler(pipeline),
        examples.latents,
        examples.texts,
        examples.clips,
        config.objective,
        batch=config.loop.batch,
        steps=config.loop.steps,
        seed=config.loop.seed,
        showcase=ModelShowcase(
            pipeline,
            config.listening,
            kind="diffusion",
            config=config,
            data=examples.facts,
            run=run,
        ),
    )
