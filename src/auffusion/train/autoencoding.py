"""Teaching an autoencoder to give back pictures of mel spectrograms (paper §3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.latent import LatentCodec
from auffusion.latent.patch_discriminator import PatchDiscriminator, judge_loss, maker_loss
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.shapes import Latent, SpecImage
from auffusion.train.flops import counted_flops
from auffusion.train.segments import Segments
from auffusion.train.task import Player, Showcase


@dataclass(frozen=True, kw_only=True)
class AutoencoderObjective:
    """The `[objective]` table: what is minimised, and of which pictures."""

    frames: int = 256
    """Columns of a picture; 256 are 2.56 s."""
    kl: float = 1e-3
    """Weight of the mean divergence of a latent number from a standard normal one."""
    edge: float = 0.5
    """Weight of the error of differences between neighbouring pixels, which keeps onsets sharp."""
    adversarial: float = 0.0
    """Weight of what a discriminator of patches says, against blur; 0 trains none."""
    adversarial_from: int = 0
    """Steps before it begins; it is of use when pictures are nearly right."""
    decoder_only: bool = False
    """Leave the encoder as it is, so that denoisers of its latents remain of use."""

    def __post_init__(self) -> None:
        for name in ("kl", "edge", "adversarial", "adversarial_from"):
            if not getattr(self, name) >= 0:
                raise InputError(f"objective.{name} is {getattr(self, name)}: choose 0 or more")
        if self.frames < 1:
            raise InputError(f"objective.frames is {self.frames}: choose 1 or more")


@dataclass(kw_only=True)
class Batch:
    """Pictures of one step."""

    image: SpecImage
    """In [-1, 1]."""
    noise: Latent
    """By which the posterior is sampled."""
    output: SpecImage | None = None
    """What the autoencoder made of them in its own step, for the discriminator's."""


class AutoencodingTask:
    """An autoencoder, and the judge of its pictures where there is one.

    Args:
        vae: an `AutoencoderKL`, or another with its interface, on its device.
        judge: on the same device; None where the objective has no adversarial term.
        segments: the sounds, `objective.frames` long.
        mel: the front-end.
        codec: log-mel to picture.
        objective: what is minimised.
        showcase: what becomes of it.
    """

    def __init__(
        self,
        vae: Any,  # noqa: ANN401
        judge: PatchDiscriminator | None,
        segments: Segments,
        *,
        mel: MelConfig,
        codec: MelImageCodec,
        objective: AutoencoderObjective,
        showcase: Showcase,
    ) -> None:
        self.vae, self.judge, self.objective = vae, judge, objective
        self._segments, self._codec, self._showcase = segments, codec, showcase
        self._device = next(vae.parameters()).device
        self._mel = MelSpectrogram(mel).to(self._device)
        scale = LatentCodec(vae).scale_factor
        if mel.bands % scale or objective.frames % scale:
            raise InputError(
                f"pictures of {mel.bands} bands and objective.frames {objective.frames} cannot be "
                f"encoded: both must be multiples of {scale}"
            )
        channels: int = vae.config.latent_channels
        self._latent_shape = (channels, mel.bands // scale, objective.frames // scale)

    @property
    def players(self) -> Sequence[Player]:
        """The autoencoder, then its judge, who sees what it made in the same step."""
        maker = Player(name="autoencoder", module=self.vae)
        if self.judge is None:
            return (maker,)
        return (maker, Player(name="discriminator", module=self.judge, averaged=False))

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips in some slots."""
        return self._segments.names(step, slots)

    def draw(self, step: int, slots: range) -> Batch:
        """The pictures of some slots."""
        waveform = self._segments.draw(step, slots).to(self._device)
        sources = self._segments.randomness(step, slots, "noise")
        noise = np.stack([rng.standard_normal(self._latent_shape) for rng in sources])
        return Batch(
            image=2.0 * self._codec.encode(self._mel(waveform)) - 1.0,
            noise=torch.from_numpy(noise.astype(np.float32)).to(self._device),
        )

    def losses(self, player: str, batch: Batch, step: int) -> Mapping[str, Tensor]:
        """The autoencoder's errors, or the judge's."""
        begun = step >= self.objective.adversarial_from
        if player == "discriminator":
            return self._judged(batch) if begun else {}
        posterior = self.vae.encode(batch.image).latent_dist
        latent = posterior.mean + posterior.std * batch.noise
        output = self.vae.decode(latent).sample.float()
        batch.output = output.detach()
        error = output - batch.image
        terms = {
            "pixel": error.abs().mean(),
            "edge": self.objective.edge * edges(error),
            "kl": self.objective.kl * posterior.kl().mean() / posterior.mean[0].numel(),
        }
        if self.judge is not None:
            # Always there, so that all lines of the log have it.
            said = maker_loss(self.judge(output)) if begun else output.new_zeros(())
            terms["adversarial"] = self.objective.adversarial * said
        return terms

    def flops_per_example(self) -> float:
        """Counted on one example."""
        return counted_flops(self)

    def listen(self, step: int, folder: Path) -> None:
        """What it makes of clips that it does not learn of."""
        self._showcase.listen(step, folder)

    def export(self, folder: Path) -> None:
        """The finished autoencoder."""
        self._showcase.export(folder)

    def _judged(self, batch: Batch) -> Mapping[str, Tensor]:
        if self.judge is None or batch.output is None:
            return {}
        return {"hinge": judge_loss(self.judge(batch.image), self.judge(batch.output))}


def edges(error: SpecImage) -> Tensor:
    """Mean absolute difference of neighbours, along time and along frequency.

    >>> steep = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]).expand(1, 3, 2, 2)
    >>> edges(steep)
    tensor(1.)
    """
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
