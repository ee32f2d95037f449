"""Teaching a vocoder to give back the waveform of a log-mel spectrogram (paper B.1)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.mel import MelSpectrogram
from auffusion.shapes import LogMel, Waveform
from auffusion.train.flops import counted_flops
from auffusion.train.segments import Segments
from auffusion.train.task import Player, Showcase
from auffusion.vocoder.discriminators import Discriminators, Judgement
from auffusion.vocoder.losses import (
    MultiResolutionStft,
    discriminator_loss,
    feature_loss,
    generator_loss,
)


@dataclass(frozen=True, kw_only=True)
class VocoderLosses:
    """The `[losses]` table: weights of what the vocoder minimises; 0 leaves a term out."""

    adversarial: float = 1.0
    """Of being told from recordings (least squares); 0 trains without discriminators."""
    feature_matching: float = 2.0
    """Of what the discriminators' layers find; part of the adversarial training."""
    mel: float = 45.0
    """Of the mean absolute error of the sound's log-mel."""
    stft: float = 0.0
    """Of the multi-resolution distance of spectra (arXiv 1910.11480)."""

    def __post_init__(self) -> None:
        weights = (self.adversarial, self.feature_matching, self.mel, self.stft)
        if min(weights) < 0 or not max(self.adversarial, self.mel, self.stft) > 0:
            raise InputError(
                "losses.adversarial, feature_matching, mel and stft must not be negative, and one "
                "of them besides feature_matching above 0"
            )


@dataclass(frozen=True, kw_only=True)
class VocoderInput:
    """The `[input]` table: what the vocoder is shown, which need not be what a recording gives."""

    mel_noise: float = 0.0
    """Deviation of noise added to the log-mel, so that a VAE's small errors do no harm."""
    smoothed: float = 0.0
    """Share of examples that are blurred in time, as a VAE blurs noise."""
    decoded: float = 0.0
    """Share of examples whose log-mel a VAE has encoded and decoded."""
    model: str = ""
    """That VAE: a model's folder, a VAE's folder, a hub id or 'embedded'."""
    context_frames: int = 256
    """Frames that the VAE sees; the example is a part of them."""

    def __post_init__(self) -> None:
        if not (0 <= self.smoothed <= 1 and 0 <= self.decoded <= 1 and self.mel_noise >= 0):
            raise InputError(
                "input.smoothed and input.decoded are shares from 0 to 1, and input.mel_noise "
                "must not be negative"
            )
        if bool(self.model) != bool(self.decoded):
            raise InputError(
                "input.model and input.decoded go together: name the VAE, and the share of "
                "examples that pass through it"
            )


@dataclass(kw_only=True)
class VocoderBatch:
    """Examples of one step."""

    target: Waveform
    """What is to come out."""
    shown: LogMel
    """What goes in."""
    made: Waveform | None = None
    """What came out in the generator's step, for the discriminators to judge."""


class VocoderTask:
    """A generator against discriminators, or alone against distances.

    The generator takes its step first, and the discriminators judge what it made in it: no sound
    is made twice.

    Args:
        generator: log-mel to waveform; is trained, on its device.
        discriminators: are trained against it; None where nothing is adversarial.
        mel: the front-end.
        segments: the data; longer than `frames` where the VAE sees more.
        frames: of an example.
        losses: weights.
        shown: what the generator is shown.
        decode: encodes and decodes log-mels; None where none are.
        showcase: what becomes of it.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminators: Discriminators | None,
        mel: MelSpectrogram,
        segments: Segments,
        *,
        frames: int,
        losses: VocoderLosses,
        shown: VocoderInput,
        decode: Callable[[LogMel], LogMel] | None,
        showcase: Showcase,
    ) -> None:
        self.generator, self.discriminators = generator, discriminators
        self._device = next(generator.parameters()).device
        self._mel = mel.to(self._device)
        self._segments, self._frames, self._weights = segments, frames, losses
        self._shown, self._decode, self._showcase = shown, decode, showcase
        self._distance = MultiResolutionStft()

    @property
    def players(self) -> Sequence[Player]:
        """The generator and, in adversarial training, the discriminators."""
        generator = Player(name="generator", module=self.generator)
        if self.discriminators is None:
            return (generator,)
        judges = Player(name="discriminators", module=self.discriminators, averaged=False)
        return (generator, judges)

    def names(self, step: int, slots: range) -> list[str]:
        """Ids of the clips in some slots."""
        return self._segments.names(step, slots)

    @torch.no_grad()
    def draw(self, step: int, slots: range) -> VocoderBatch:
        """The examples of some slots."""
        waveform = self._segments.draw(step, slots).to(self._device)
        log_mel = self._mel(waveform)
        chosen = list(self._segments.randomness(step, slots, "drop"))
        shown = self._through_vae(log_mel, [rng.random() for rng in chosen])
        parts = [
            self._example(waveform[i], shown[i], rng)
            for i, rng in enumerate(self._segments.randomness(step, slots, "noise"))
        ]
        targets, inputs = zip(*parts, strict=True)
        return VocoderBatch(target=torch.stack(targets), shown=torch.stack(inputs))

    def losses(self, player: str, batch: VocoderBatch, step: int) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Weighted losses of the generator, or the loss of the discriminators."""
        if player == "discriminators":
            return {"loss": self._judges_loss(batch)}
        # Spectra of 16-bit numbers are too coarse for a logarithm.
        made: Waveform = self.generator(batch.shown).float()
        batch.made = made.detach()
        terms: dict[str, Tensor] = {}
        with torch.autocast(self._device.type, enabled=False):
            if self._weights.stft:
                terms["stft"] = self._weights.stft * self._distance(made, batch.target)
            if self._weights.mel:
                error = (self._mel(made) - self._mel(batch.target)).abs().mean()
                terms["mel"] = self._weights.mel * error
        return terms | self._adversarial(made, batch.target)

    def flops_per_example(self) -> float:
        """Counted on one example."""
        return counted_flops(self)

    def listen(self, step: int, folder: Path) -> None:
        """Copies of sounds beside the sounds."""
        self._showcase.listen(step, folder)

    def export(self, folder: Path) -> None:
        """The finished vocoder."""
        self._showcase.export(folder)

    def _through_vae(self, log_mel: LogMel, draws: list[float]) -> LogMel:
        """The log-mels, a share of them encoded and decoded."""
        if self._decode is None:
            return log_mel
        rows = [
            self._decode(one[None])[0] if drawn < self._shown.decoded else one
            for one, drawn in zip(log_mel, draws, strict=True)
        ]
        return torch.stack(rows)

    def _example(
        self, waveform: Tensor, shown: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """(target, input): a part of what was drawn, the input blurred and under noise."""
        hop = self._mel.config.hop_length
        first = int(rng.integers(shown.shape[-1] - self._frames + 1))
        target = waveform[first * hop : (first + self._frames) * hop]
        part = shown[:, first : first + self._frames]
        if rng.random() < self._shown.smoothed:
            # In time only: the harmonics a VAE keeps must stay apart.
            part = F.avg_pool1d(part, 5, stride=1, padding=2, count_include_pad=False)
        if self._shown.mel_noise:
            noise = np.asarray(rng.standard_normal(part.shape), np.float32)
            part = part + self._shown.mel_noise * torch.from_numpy(noise).to(part)
        return target, part

    def _adversarial(self, made: Waveform, target: Waveform) -> dict[str, Tensor]:
        if self.discriminators is None:
            return {}
        judged = self.discriminators(made)
        terms = {"adversarial": self._weights.adversarial * generator_loss(judged)}
        if self._weights.feature_matching:
            with torch.no_grad():
                real = self.discriminators(target)
            terms["features"] = self._weights.feature_matching * feature_loss(real, judged)
        return terms

    def _judges_loss(self, batch: VocoderBatch) -> Tensor:
        if self.discriminators is None or batch.made is None:
            raise RuntimeError("the generator takes its step before the discriminators")
        # In one batch: their weights are computed from direction and magnitude once.
        both: Judgement = self.discriminators(torch.cat([batch.target, batch.made]))
        return discriminator_loss(*_halves(both))


def _halves(judged: Judgement) -> tuple[Judgement, Judgement]:
    """What was said of the first half of the sounds, and of the second."""
    pairs = [score.chunk(2) for score in judged.scores]
    return Judgement([a for a, _ in pairs], []), Judgement([b for _, b in pairs], [])
