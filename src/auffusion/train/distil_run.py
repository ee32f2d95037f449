"""`auffusion train distil`: a student that makes in 1 to 8 steps what its teacher makes in 25.

Latent consistency distillation with guidance folded in: the student is called without guidance,
once a step, and sampled by the scheduler `lcm`. It is a full U-Net, or a LoRA on its teacher.
"""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers.schedulers.scheduling_lcm import LCMScheduler

from auffusion.data.assembling import PreparedFacts
from auffusion.denoise import make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline
from auffusion.train.card import write_card
from auffusion.train.denoising import ConditionedUnet, DenoisingTask
from auffusion.train.distillation import Distillation, DistillationTask, Teacher
from auffusion.train.listening import Listening
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.lora import LoraSettings, add_lora
from auffusion.train.lora_run import FrozenModel, LoraShowcase, ParkedModel, needed_parts
from auffusion.train.starting_model import adapters_of, training_scheduler
from auffusion.train.training_data import TrainingData, open_training_data


@dataclass(frozen=True, kw_only=True)
class DistilConfig:
    """All that a run is told."""

    data: TrainingData
    """What it learns on."""
    model: FrozenModel = field(default_factory=FrozenModel)
    """The teacher."""
    distil: Distillation = field(default_factory=Distillation)
    """What is asked of the student."""
    lora: LoraSettings = field(default_factory=lambda: LoraSettings(rank=64, alpha=64))
    """Of a student that is a LoRA."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            steps=4000, batch=16, learning_rate=1e-5, average_decay=0.95, save_every=200
        )
    )
    """How."""
    listening: Listening = field(
        default_factory=lambda: Listening(steps=4, guidance=1.0, scheduler="lcm")
    )
    """What is played meanwhile."""

    def __post_init__(self) -> None:
        if self.model.weights == "bfloat16" and self.loop.precision != "bfloat16":
            raise InputError(
                f"model.weights is bfloat16 and loop.precision {self.loop.precision}: set "
                "loop.precision to bfloat16 too"
            )


class StudentShowcase:
    """What becomes of a student with weights of its own: pages of sounds, and a whole model."""

    def __init__(
        self,
        model: ParkedModel,
        config: DistilConfig,
        data: Sequence[PreparedFacts],
        run: Path,
    ) -> None:
        self._model, self._config, self._data, self._run = model, config, data, run

    def listen(self, step: int, folder: Path) -> None:
        """Sounds of fixed prompts and seeds."""
        self._model.write_page(folder, f"step {step}", self._config.listening)

    def export(self, folder: Path) -> None:
        """A folder for `from_pretrained`, with a card."""
        pipeline: Any = self._model.pipeline
        pipeline.save_pretrained(folder)
        steps = self._config.distil.steps
        write_card(
            folder,
            kind="distil",
            config=asdict(self._config),
            data=self._data[0],
            more=self._data[1:],
            run=self._run,
            use=f"A student of {self._config.model.base} for 1, 2, 4 or 8 steps, without guidance:"
            f'\n\n```bash\nauffusion generate "rain" --model FOLDER --scheduler lcm --steps {steps}'
            "\n```",
        )


def distil_task(config: DistilConfig, run: Path, device: str) -> DistillationTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data or model, or caches that are not of them.
    """
    teacher: Any = config.model.load(config.loop.seed)
    student, guide = _student(teacher, config)
    model = ParkedModel(student, device, needed_parts(config))
    guide.to(device=device, memory_format=torch.channels_last)
    # Vocabulary, VAE and text encoders are the teacher's own.
    data = open_training_data(config.data, student, config.loop.precision)
    network: Any = ConditionedUnet(student.components["unet"], adapters_of(student))
    network.to(device=device, memory_format=torch.channels_last)
    lora = config.distil.student == "lora"
    examples = DenoisingTask(
        network,
        training_scheduler(teacher),
        data.latents,
        data.texts,
        data.clips,
        config.distil.objective,
        batch=config.loop.batch,
        steps=config.loop.steps,
        seed=config.loop.seed,
        showcase=LoraShowcase(model, network, config, data.facts, "distil", run)
        if lora
        else StudentShowcase(model, config, data.facts, run),
    )
    guidance = config.distil.guidance(float(teacher.config["default_guidance"]))
    return DistillationTask(
        examples, Teacher(guide, adapted=lora), config.distil, guidance, config.loop.seed
    )


def _student(teacher: Any, config: DistilConfig) -> tuple[AuffusionPipeline, Any]:  # noqa: ANN401
    """A pipeline with the student's U-Net, and the U-Net that guides it."""
    if config.distil.student == "lora":
        add_lora(teacher.unet, config.lora, config.loop.seed)
        return teacher, teacher.unet
    unet = copy.deepcopy(teacher.unet).float().requires_grad_(True).train()
    if config.model.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    settings = {n: v for n, v in teacher.config.items() if not n.startswith("_")}
    known = inspect.signature(LCMScheduler).parameters
    # Settings of the teacher's own sampler would be told of at each loading.
    levels = {n: v for n, v in teacher.scheduler.config.items() if n in known}
    levels["original_inference_steps"] = config.distil.solver_steps
    scheduler = make_scheduler("lcm", levels)
    parts = teacher.components | {"unet": unet, "scheduler": scheduler}
    defaults = {"default_steps": config.distil.steps, "default_guidance": 1.0}
    return AuffusionPipeline(**(settings | parts | defaults)), teacher.unet.eval()
