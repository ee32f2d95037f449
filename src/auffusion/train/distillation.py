"""A student that agrees with itself along its guided teacher's paths (LCM, arXiv 2310.04378)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from auffusion.data.drawing import generator
from auffusion.errors import InputError
from auffusion.shapes import Latent, TextEmbedding
from auffusion.train.average import trained_tensors
from auffusion.train.consistency import NoiseLevels, Solver, pseudo_huber
from auffusion.train.denoising import Batch, ConditionedUnet, DenoisingTask, Objective
from auffusion.train.task import Player

_LCM_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The `[distil]` table."""

    student: Literal["full", "lora"] = "full"
    """A U-Net of its own, or a LoRA on the teacher (arXiv 2311.05556)."""
    guidance_low: float = 0.0
    """Least guidance scale that is folded in; 0 is the teacher's own default."""
    guidance_high: float = 0.0
    """Greatest one; each example draws its own between both. 0 is the teacher's own default."""
    solver_steps: int = _LCM_STEPS
    """Steps of the teacher's DDIM from noise to the end; with 50 of a thousand timesteps a student
    learns to skip 20 (k in the paper)."""
    huber: float = 0.001
    """Where the loss turns from squares to distances; 0 is plain squares."""
    target_decay: float = 0.95
    """Decay of the slow copy that the student is to agree with (μ in the paper)."""
    stratified: bool = True
    """One timestep from each of as many equal parts as the batch has examples."""
    window: int = 0
    """Train on random windows of so many latent columns; 0 is the whole canvas."""
    whole_from: float = 1.0
    """Share of the run from which on the whole canvas is used all the same."""
    steps: int = 4
    """Steps that the student is to be sampled in by default."""

    def __post_init__(self) -> None:
        if not 0 <= self.guidance_low <= self.guidance_high:
            raise InputError(
                f"distil.guidance_low is {self.guidance_low} and guidance_high "
                f"{self.guidance_high}: choose a range from 0"
            )
        if not 0 <= self.target_decay < 1 or self.huber < 0:
            raise InputError(
                f"distil.target_decay is {self.target_decay} and huber {self.huber}: choose 0 up "
                "to below 1, and 0 or more"
            )
        if not 1 <= self.steps <= self.solver_steps:
            raise InputError(f"distil.steps is {self.steps}: choose 1 to {self.solver_steps}")
        if self.student == "lora" and self.solver_steps != _LCM_STEPS:
            # A LoRA has no scheduler of its own that could say otherwise.
            raise InputError(
                f"distil.solver_steps is {self.solver_steps}: a LoRA is sampled with "
                f"{_LCM_STEPS}, the scheduler's own"
            )

    @property
    def objective(self) -> Objective:
        """What of it concerns the draws: the text is never dropped."""
        return Objective(
            unconditional=0.0,
            stratified=self.stratified,
            window=self.window,
            whole_from=self.whole_from,
        )

    def guidance(self, default: float) -> tuple[float, float]:
        """The range of scales."""
        return self.guidance_low or default, self.guidance_high or default


@dataclass(frozen=True, kw_only=True)
class GuidedBatch(Batch):
    """Examples with how strongly the teacher is guided."""

    guidance: Tensor
    """A scale an example, as [batch, 1, 1, 1]."""


class Student(nn.Module):
    """A network that learns and its slow copy, which is of what is trained alone.

    The copy's tensors are buffers, so that checkpoints keep them.
    """

    def __init__(self, network: ConditionedUnet, decay: float) -> None:
        super().__init__()
        self.network, self._decay = network, decay
        self._updated_before: int | None = None
        for name, value in trained_tensors(network).items():
            self.register_buffer(_buffer(name), value.clone())

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the copy towards what the last step has made of the network, once a step."""
        if self._updated_before == step:
            return
        self._updated_before = step
        for name, value in trained_tensors(self.network).items():
            copied = self.get_buffer(_buffer(name))
            copied.lerp_(value.to(copied.dtype), 1.0 - self._decay)

    @torch.no_grad()
    def slow(self, noisy: Latent, timestep: Tensor, text: TextEmbedding) -> Latent:
        """The copy's prediction."""
        copied = {n: self.get_buffer(_buffer(n)) for n in trained_tensors(self.network)}
        return functional_call(self.network, copied, (noisy, timestep, text))


def _buffer(name: str) -> str:
    # A buffer's name may not have dots.
    return "slow:" + name.replace(".", "/")


class DistillationTask:
    """A student that agrees with itself along its teacher's paths.

    Args:
        examples: draws latents, noise and texts; its network is the student.
        teacher: the guided model.
        settings: what is asked of the student.
        guidance: the range of its scales.
        seed: of all draws.
    """

    def __init__(
        self,
        examples: DenoisingTask,
        teacher: "Teacher",
        settings: Distillation,
        guidance: tuple[float, float],
        seed: int,
    ) -> None:
        self._examples, self._teacher, self._settings = examples, teacher, settings
        self._guidance, self._seed = guidance, seed
        self.student = Student(examples.network, settings.target_decay)
        self._device = next(examples.network.parameters()).device
        self.levels = NoiseLevels.of(examples.scheduler, self._device)
        timesteps = int(examples.scheduler.config.num_train_timesteps)
        self.solver = Solver(timesteps=timesteps, steps=settings.solver_steps)

    @property
    def players(self) -> Sequence[Player]:
        """The student."""
        return (Player(name="student", module=self.student),)

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips in some slots."""
        return self._examples.names(step, slots)

    def draw(self, step: int, slots: range) -> GuidedBatch:
        """The examples of some slots, each with a guidance scale."""
        low, high = self._guidance
        # No text is dropped here, so that these draws are free.
        shares = [generator(self._seed, step, slot, "drop").random() for slot in slots]
        scales = torch.tensor([low + (high - low) * share for share in shares])
        batch = self._examples.draw(step, slots)
        batch = replace(batch, timestep=self.solver.start(batch.timestep))
        guidance = scales.float().to(self._device)[:, None, None, None]
        return GuidedBatch(**vars(batch), guidance=guidance)

    def losses(self, player: str, batch: GuidedBatch, step: int) -> Mapping[str, Tensor]:  # noqa: ARG002
        """How far the student's two ends of a step are apart (arXiv 2310.04378, Eq. 17)."""
        self.student.follow(step)
        start, end = batch.timestep, self.solver.end(batch.timestep)
        noisy = self._examples.scheduler.add_noise(batch.clean, batch.noise, start)
        text, silent = self._texts(batch)
        guided = self._teacher.guided(noisy, start, (text, silent), batch.guidance)
        clean, noise = self.levels.clean_and_noise(guided, noisy, start)
        further = self.levels.ddim(clean, noise, end)
        wanted = self.levels.consistent(self.student.slow(further, end, text).float(), further, end)
        output = self.student.network(noisy, start, text).float()
        found = self.levels.consistent(output, noisy, start)
        return {"loss": pseudo_huber(found - wanted, self._settings.huber)}

    @torch.no_grad()
    def _texts(self, batch: Batch) -> tuple[TextEmbedding, TextEmbedding]:
        """The rows of the text and of no text; adapters are the teacher's, and stay."""
        adapted, blank = self._examples.network.adapted, self._examples.silent
        nothing = torch.zeros_like(batch.kept)
        return adapted(batch.rows, batch.kept, blank), adapted(batch.rows, nothing, blank)

    def flops_per_example(self) -> float:
        """Student forward and backward, and three times forward: the slow copy, teacher twice."""
        return 2.0 * self._examples.flops_per_example()

    def listen(self, step: int, folder: Path) -> None:
        """Sounds of fixed prompts and seeds, in the student's few steps."""
        self._examples.listen(step, folder)

    def export(self, folder: Path) -> None:
        """The finished student."""
        self._examples.export(folder)


class Teacher:
    """A frozen U-Net under guidance.

    Args:
        unet: of its own, or the student's, whose adapters are then left out of its answers.
        adapted: whether it is the student's.
    """

    def __init__(self, unet: Any, *, adapted: bool) -> None:  # noqa: ANN401
        self._unet, self._adapted = unet, adapted

    @torch.no_grad()
    def guided(
        self,
        noisy: Latent,
        timestep: Tensor,
        texts: tuple[TextEmbedding, TextEmbedding],
        scale: Tensor,
    ) -> Latent:
        """Its prediction, guided as diffusers does: s = 1 is no guidance."""
        if self._adapted:
            self._unet.disable_adapters()
        try:
            both = self._unet(
                torch.cat([noisy, noisy]),
                torch.cat([timestep, timestep]),
                encoder_hidden_states=torch.cat(texts),
            ).sample.float()
        finally:
            if self._adapted:
                self._unet.enable_adapters()
        with_text, without = both.chunk(2)
        return without + scale * (with_text - without)
