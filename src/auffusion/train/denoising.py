"""Teaching a U-Net to denoise latents under a text (paper §3.3-3.6, Eq. 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from auffusion.data.drawing import Draws, generator
from auffusion.errors import InputError
from auffusion.shapes import Latent, TextEmbedding
from auffusion.train.examples import Latents, Rows, Texts
from auffusion.train.task import Player, Showcase

EncoderRows = Float[Tensor, "batch _ _"]
"""One text encoder's rows before its adapter; encoders differ in tokens and features."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The `[objective]` table: what is minimised, and over which draws."""

    unconditional: float = 0.1
    """Share of examples without any text, for classifier-free guidance (§3.6). With several text
    encoders each one's rows are dropped independently (§3.5), as often as makes this share."""
    min_snr_gamma: float = 0.0
    """Weigh timesteps by min(SNR, this) (arXiv 2303.09556); 5 is usual, 0 is the plain mean."""
    offset_noise: float = 0.0
    """Deviation of an offset of each channel's noise, which teaches overall level; 0.05 is usual,
    0 is none."""
    stratified: bool = False
    """One timestep from each of as many equal parts as the batch has examples: the same
    distribution, less noise in the gradient."""
    window: int = 0
    """Train on random windows of so many latent columns; 0 is the whole canvas."""
    whole_from: float = 1.0
    """Share of the run from which on the whole canvas is used all the same."""

    def __post_init__(self) -> None:
        if not 0 <= self.unconditional < 1:
            raise InputError(
                f"objective.unconditional is {self.unconditional}: choose 0 up to below 1"
            )
        if min(self.min_snr_gamma, self.offset_noise, self.window) < 0:
            raise InputError(
                "objective.min_snr_gamma, offset_noise and window must not be negative"
            )


class ConditionedUnet(nn.Module):
    """A diffusers U-Net behind the adapters of its text encoders, trained as one.

    Args:
        unet: a `UNet2DConditionModel`.
        adapters: one an encoder; none where the encoders' rows go to the U-Net as they are.
    """

    def __init__(self, unet: Any, adapters: Sequence[nn.Module] = ()) -> None:  # noqa: ANN401
        super().__init__()
        self.unet = unet
        self.adapters = nn.ModuleList(adapters)

    def forward(self, noisy: Latent, timestep: Tensor, text: TextEmbedding) -> Latent:
        """The prediction of noise or v."""
        return self.unet(noisy, timestep, encoder_hidden_states=text).sample

    def adapted(
        self, rows: Sequence[EncoderRows], kept: Float[Tensor, "encoder batch"], silent: Tensor
    ) -> TextEmbedding:
        """The rows that the U-Net sees.

        Args:
            rows: of each encoder, before its adapter.
            kept: 0 where an example does without an encoder's rows.
            silent: what stands in their place [token, feature] where there are no adapters: the
                rows of the empty text. With adapters it is zeros behind them, as at inference.
        """
        if not self.adapters:
            (only,), keep = rows, kept[0][:, None, None]
            return only * keep + silent * (1 - keep)
        parts = [
            adapter(one) * keep[:, None, None]
            for adapter, one, keep in zip(self.adapters, rows, kept, strict=True)
        ]
        return torch.cat(parts, dim=1)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples of one step."""

    clean: Latent
    """Scaled latents."""
    noise: Latent
    """What is added to them."""
    timestep: Tensor
    """How much of it."""
    rows: list[EncoderRows]
    """Of each text encoder, before its adapter."""
    kept: Float[Tensor, "encoder batch"]
    """0 where an example does without an encoder's rows."""


class DenoisingTask:
    """Noise is added to latents, and the network tells what was added.

    Args:
        network: is trained, on its device.
        scheduler: a diffusers scheduler: noise levels and kind of prediction.
        latents: of the clips.
        texts: of the clips.
        clips: numbers of the clips to train on, and their ids.
        objective: what is minimised.
        batch: examples of a step, over all processes.
        steps: of the run.
        seed: of all draws.
        showcase: what becomes of it.
    """

    def __init__(
        self,
        network: ConditionedUnet,
        scheduler: Any,  # noqa: ANN401
        latents: Latents,
        texts: Texts,
        clips: Mapping[int, str],
        objective: Objective,
        *,
        batch: int,
        steps: int,
        seed: int,
        showcase: Showcase,
    ) -> None:
        self.network, self.scheduler, self.objective = network, scheduler, objective
        self._latents, self._texts, self._showcase = latents, texts, showcase
        self._clips, self._ids = list(clips), list(clips.values())
        self._draws = Draws(seed=seed, count=len(self._clips), batch=batch)
        self._batch, self._steps, self._seed = batch, steps, seed
        self._device = next(network.parameters()).device
        silent = texts.silent()
        self.silent = torch.from_numpy(np.stack(silent[:1])[0]).float().to(self._device)
        # Independent drops that all happen together in `unconditional` of the examples (§3.5).
        self._drop = objective.unconditional ** (1 / len(silent))

    @property
    def players(self) -> Sequence[Player]:
        """The one network."""
        return (Player(name="network", module=self.network),)

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips in some slots."""
        return [self._ids[self._draws.clip(step, slot)] for slot in slots]

    def draw(self, step: int, slots: range) -> Batch:
        """The examples of some slots."""
        clips = [self._clips[self._draws.clip(step, slot)] for slot in slots]
        latents = self._windows(clips, step, slots)
        noises = [
            self._noise(one.shape, step, slot) for one, slot in zip(latents, slots, strict=True)
        ]
        rows = self._rows(clips, step, slots)
        drops = [self._seeded(step, slot, "drop").random(len(rows[0])) for slot in slots]
        return Batch(
            clean=self._tensor(np.stack(latents)),
            noise=self._tensor(np.stack(noises)),
            timestep=torch.tensor([self._timestep(step, s) for s in slots], device=self._device),
            rows=[self._tensor(np.stack(one)) for one in zip(*rows, strict=True)],
            kept=self._tensor(np.stack(drops, axis=1) >= self._drop),
        )

    def losses(self, player: str, batch: Batch, step: int) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Mean squared error of the prediction (Eq. 1), weighted where the objective says so."""
        noisy = self.scheduler.add_noise(batch.clean, batch.noise, batch.timestep)
        text = self.network.adapted(batch.rows, batch.kept, self.silent)
        predicted = self.network(noisy, batch.timestep, text)
        target = self._target(batch)
        error = F.mse_loss(predicted.float(), target, reduction="none").mean(dim=(1, 2, 3))
        return {"loss": (error * self._weights(batch.timestep)).mean()}

    def flops_per_example(self) -> float:
        """Counted on one example: forward, and twice as much backward."""
        from torch.utils.flop_counter import FlopCounterMode

        batch = self.draw(0, range(1))
        counter: Any = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            text = self.network.adapted(batch.rows, batch.kept, self.silent)
            self.network(batch.clean, batch.timestep, text)
        return 3.0 * counter.get_total_flops()

    def listen(self, step: int, folder: Path) -> None:
        """Sounds of fixed prompts and seeds."""
        self._showcase.listen(step, folder)

    def export(self, folder: Path) -> None:
        """The finished model."""
        self._showcase.export(folder)

    def _seeded(self, step: int, slot: int, purpose: str) -> np.random.Generator:
        return generator(self._seed, step, slot, purpose)

    def _windows(
        self, clips: Sequence[int], step: int, slots: range
    ) -> Sequence[NDArray[np.float32]]:
        rngs = [self._seeded(step, slot, "crop") for slot in slots]
        latents = self._latents.draw(clips, rngs)
        window, columns = self.objective.window, int(latents[0].shape[-1])
        if window > columns:
            raise InputError(
                f"objective.window is {window}, but latents are {columns} columns wide"
            )
        if not window or step >= self.objective.whole_from * self._steps:
            return latents
        starts = [int(rng.integers(columns - window + 1)) for rng in rngs]
        return [
            latent[..., first : first + window]
            for latent, first in zip(latents, starts, strict=True)
        ]

    def _rows(self, clips: Sequence[int], step: int, slots: range) -> Sequence[Rows]:
        counts = [self._texts.captions(clip) for clip in clips]
        chosen = [
            int(self._seeded(step, slot, "caption").integers(count))
            for slot, count in zip(slots, counts, strict=True)
        ]
        return self._texts.rows(list(zip(clips, chosen, strict=True)))

    def _noise(self, shape: tuple[int, ...], step: int, slot: int) -> NDArray[np.float32]:
        rng = self._seeded(step, slot, "noise")
        noise: NDArray[np.float32] = np.asarray(rng.standard_normal(shape), np.float32)
        if self.objective.offset_noise:
            offset = rng.standard_normal((shape[0], 1, 1))
            noise = noise + np.asarray(self.objective.offset_noise * offset, np.float32)
        return noise

    def _timestep(self, step: int, slot: int) -> int:
        share = self._seeded(step, slot, "timestep").random()
        if self.objective.stratified:
            share = (slot + share) / self._batch
        return int(share * self.scheduler.config.num_train_timesteps)

    def _target(self, batch: Batch) -> Latent:
        if self.scheduler.config.prediction_type == "v_prediction":
            return self.scheduler.get_velocity(batch.clean, batch.noise, batch.timestep)
        return batch.noise

    def _weights(self, timestep: Tensor) -> Tensor:
        """min(SNR, gamma) over SNR, or over SNR + 1 for v (arXiv 2303.09556, §3.4)."""
        gamma = self.objective.min_snr_gamma
        if not gamma:
            return torch.ones(len(timestep), device=self._device)
        kept = self.scheduler.alphas_cumprod.to(self._device)[timestep]
        ratio = kept / (1 - kept)
        over = ratio + 1 if self.scheduler.config.prediction_type == "v_prediction" else ratio
        return torch.minimum(ratio, torch.full_like(ratio, gamma)) / over

    def _tensor(self, values: Any) -> Tensor:  # noqa: ANN401
        return torch.from_numpy(np.asarray(values, np.float32)).to(self._device)
