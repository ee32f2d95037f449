"""`auffusion train lora`: a small addition to a model, and new words for it.

The base is frozen: only adapters of the U-Net's attention, and the embeddings of new words, are
trained, kept in checkpoints and exported. What does not compute gradients leaves the device where
caches do its work, and the base may lie there in 16 bits; `docs/guides/training-lora.md` says what
that comes to at Stable Diffusion's size.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from auffusion.data.assembling import PreparedFacts
from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.card import write_card
from auffusion.train.denoising import ConditionedUnet, DenoisingTask, Objective
from auffusion.train.listening import Listening, generated, write_page
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.lora import LoraSettings, add_lora, save_lora
from auffusion.train.lora_words import TokenTexts, WordedUnet, WordSettings
from auffusion.train.starting_model import (
    STABLE_DIFFUSION,
    StartingModel,
    adapters_of,
    load_starting_model,
    training_scheduler,
)
from auffusion.train.training_data import TrainingData, TrainingSet, open_training_data


@dataclass(frozen=True, kw_only=True)
class FrozenModel:
    """The `[model]` table."""

    base: str = STABLE_DIFFUSION
    """A folder, a hub id or 'embedded'; the result is of use with this model only."""
    vocoder: str = ""
    """A vocoder's folder, for a base without one, such as Stable Diffusion itself."""
    gradient_checkpointing: bool = False
    """Compute activations twice rather than keep them: a third slower, far less memory."""
    weights: Literal["float32", "bfloat16"] = "float32"
    """How the frozen U-Net is kept; in bfloat16 it takes half the memory, and loop.precision must
    be bfloat16 as well. What is trained stays in float32."""

    def load(self, seed: int) -> AuffusionPipeline:
        """The model on the CPU, all of it frozen."""
        settings = StartingModel(
            base=self.base,
            vocoder=self.vocoder,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        pipeline: Any = load_starting_model(settings, seed, "cpu")
        for part in (pipeline.unet, *adapters_of(pipeline)):
            part.requires_grad_(False)
        if self.weights == "bfloat16":
            pipeline.unet.to(torch.bfloat16)
        return pipeline


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """All that a run is told."""

    data: TrainingData
    """What it learns from."""
    model: FrozenModel = field(default_factory=FrozenModel)
    """What it adds to."""
    lora: LoraSettings = field(default_factory=LoraSettings)
    """What is added."""
    words: WordSettings = field(default_factory=WordSettings)
    """What is named anew."""
    objective: Objective = field(default_factory=Objective)
    """What it minimises."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            steps=2000, batch=4, learning_rate=1e-4, average_decay=0.0, save_every=200
        )
    )
    """How."""
    listening: Listening = field(default_factory=Listening)
    """What is played meanwhile."""

    def __post_init__(self) -> None:
        if self.model.weights == "bfloat16" and self.loop.precision != "bfloat16":
            raise InputError(
                f"model.weights is bfloat16 and loop.precision {self.loop.precision}: set "
                "loop.precision to bfloat16 too"
            )
        if self.words.new and (self.data.text is not None or self.data.more):
            raise InputError(
                "words.new are encoded anew at every step, and from one set: leave data.text and "
                "data.more out"
            )


class ParkedModel:
    """A model of which only what a step needs stays on the device.

    Args:
        pipeline: on the CPU.
        device: where it trains.
        needed: names of the components that a step needs there.
    """

    def __init__(self, pipeline: AuffusionPipeline, device: str, needed: set[str]) -> None:
        self.pipeline, self._device, self._needed = pipeline, device, needed
        self.park()

    def park(self) -> None:
        """Send the others to the CPU."""
        for name, part in self.pipeline.components.items():
            if isinstance(part, torch.nn.Module):
                part.to(self._device if name in self._needed else "cpu")

    def write_page(self, folder: Path, title: str, listening: Listening) -> None:
        """Bring all of it to the device for a page of sounds."""
        whole: Any = self.pipeline
        whole.to(self._device)
        shown = generated(self.pipeline, listening)
        self.park()
        write_page(folder, title, shown, self.pipeline.mel.sample_rate)


class LoraShowcase:
    """What becomes of a LoRA: pages of sounds, and a folder for `load_lora_weights`."""

    def __init__(
        self,
        model: ParkedModel,
        network: ConditionedUnet,
        config: Any,  # noqa: ANN401 - a dataclass with `data`, `model` and `listening`
        data: Sequence[PreparedFacts],
        kind: str,
        run: Path,
    ) -> None:
        self._model, self._network, self._config = model, network, config
        self._data, self._kind, self._run = data, kind, run

    def listen(self, step: int, folder: Path) -> None:
        """Sounds of fixed prompts and seeds."""
        self._model.write_page(folder, f"step {step}", self._config.listening)

    def export(self, folder: Path) -> None:
        """The adapters and words, with a card."""
        save_lora(self._network.unet, folder)
        if isinstance(self._network, WordedUnet):
            self._network.save_words(folder)
        write_card(
            folder,
            kind=self._kind,
            config=asdict(self._config),
            data=self._data[0],
            more=self._data[1:],
            run=self._run,
            use=_use(self._config, self._kind),
        )


def _use(config: Any, kind: str) -> str:  # noqa: ANN401
    words: WordSettings = getattr(config, "words", WordSettings())
    prompt = words.new[0] if words.new else "what it learnt"
    options = " --scheduler lcm --steps 4 --guidance 1" if kind == "distil" else ""
    base = config.model.base
    return f"""A LoRA for {base}, of use with that model only:

```bash
auffusion generate "{prompt}" --model {base} --lora FOLDER{options}
```

`FOLDER:0.5` is half as strong, and several may be named. In Python
`pipeline.load_lora_weights("FOLDER")`, `pipeline.set_adapters` for several, and
`pipeline.unload_lora_weights()`; `auffusion.pipeline.loras.load_loras` does the same and teaches
the model its new words."""


class LoraTask(DenoisingTask):
    """`DenoisingTask`, of whose network most is frozen."""

    def flops_per_example(self) -> float:
        """Forward and backward to the activations; frozen weights have no gradients."""
        return super().flops_per_example() * 2 / 3


def lora_task(config: LoraConfig, run: Path, device: str) -> LoraTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data or model, caches that are not of them, or a word that the model
            knows already.
    """
    pipeline: Any = config.model.load(config.loop.seed)
    # Caches are of the model as it was loaded; encoders of texts are asked where they are now.
    model = ParkedModel(pipeline, device, needed_parts(config))
    examples = open_training_data(config.data, pipeline, config.loop.precision)
    add_lora(pipeline.unet, config.lora, config.loop.seed)
    network, texts = ConditionedUnet(pipeline.unet, adapters_of(pipeline)), examples.texts
    if config.words.new:
        network = WordedUnet(pipeline.unet, adapters_of(pipeline), pipeline, config.words)
        texts = TokenTexts(PreparedData(config.data.folder), pipeline)
    placed: Any = network.to(device)
    return LoraTask(
        placed.to(memory_format=torch.channels_last),
        training_scheduler(pipeline),
        examples.latents,
        texts,
        examples.clips,
        config.objective,
        batch=config.loop.batch,
        steps=config.loop.steps,
        seed=config.loop.seed,
        showcase=LoraShowcase(model, placed, config, examples.facts, "lora", run),
    )


def needed_parts(config: Any) -> set[str]:  # noqa: ANN401 - its `data` is a TrainingData
    """Components that a step needs on the device.

    A pipeline computes where its parts are: what is encoded as it is drawn needs all of them there.
    """
    words: WordSettings = getattr(config, "words", WordSettings())
    sets: list[TrainingSet] = [config.data, *config.data.more]
    if any(one.latents is None or (one.text is None and not words.new) for one in sets):
        return set(AuffusionPipeline.model_cpu_offload_seq.split("->"))
    needed = {"unet", "condition_adapter", "condition_adapter_2"}
    return needed | ({"text_encoder", "text_encoder_2"} if words.new else set[str]())
