"""What becomes of an autoencoder: pages of what it gives back, and a folder at the end."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auffusion.data.prepared import PreparedData
from auffusion.image import MelImageCodec
from auffusion.latent import LatentCodec
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.shapes import LogMel
from auffusion.train.card import write_card
from auffusion.train.listening import Shown, write_page
from auffusion.train.validation import Validation, ValidationClip, means, validation_clips


class VaeShowcase:
    """Clips that are not learnt of, beside what the autoencoder gives back of them.

    Args:
        vae: in training.
        data: what it learns from; it is measured by clips of the first.
        listening: which of them.
        mel: the front-end.
        codec: log-mel to picture.
        vocoder: by which its pictures are heard.
        rescales: whether the exported config has a new `scaling_factor`, measured on the clips.
        config: of the run, a dataclass.
        run: its folder.
    """

    def __init__(
        self,
        vae: Any,  # noqa: ANN401
        data: Sequence[PreparedData],
        listening: Validation,
        *,
        mel: MelConfig,
        codec: MelImageCodec,
        vocoder: Any,  # noqa: ANN401
        rescales: bool,
        config: Any,  # noqa: ANN401
        run: Path,
    ) -> None:
        self._vae, self._data, self._listening = vae, data, listening
        self._codec, self._vocoder, self._rescales = codec, vocoder, rescales
        self._config, self._run = config, run
        self._device = next(vae.parameters()).device
        self._mel = MelSpectrogram(mel).to(self._device)
        step = LatentCodec(vae).scale_factor * mel.hop_length
        self._clips = validation_clips(data[0], listening, multiple=step, least=mel.minimum_samples)

    def listen(self, step: int, folder: Path) -> None:
        """A page of reconstructions, with errors of all clips that are measured."""
        was_training = self._vae.training
        self._vae.eval()
        try:
            measured = means(map(self._errors, self._clips[: self._listening.measured]))
            chosen = enumerate(self._clips[: self._listening.shown])
            shown = [one for number, clip in chosen for one in self._pair(f"{number:02d}", clip)]
        finally:
            self._vae.train(was_training)
        write_page(folder, f"step {step}", shown, self._mel.config.sample_rate, measured)

    def export(self, folder: Path) -> None:
        """A folder for `AutoencoderKL.from_pretrained`, with a card."""
        if self._rescales:
            self._vae.register_to_config(scaling_factor=self._scaling_factor())
        self._vae.save_pretrained(folder)
        write_card(
            folder,
            kind="vae",
            config=asdict(self._config),
            data=self._data[0].facts,
            more=[data.facts for data in self._data[1:]],
            use="`AuffusionPipeline.from_pretrained(MODEL, vae=VAE)`, VAE being what "
            f"`{type(self._vae).__name__}.from_pretrained(FOLDER)` gives.",
            run=self._run,
        )

    def _log_mel(self, clip: ValidationClip) -> LogMel:
        return self._mel(clip.waveform.to(self._device))

    @torch.no_grad()
    def _given_back(self, log_mel: LogMel) -> tuple[LogMel, Tensor]:
        """(what comes out, the mean of its latent)."""
        mean = self._vae.encode(2.0 * self._codec.encode(log_mel) - 1.0).latent_dist.mode()
        image = (self._vae.decode(mean).sample / 2.0 + 0.5).clamp(0.0, 1.0)
        return self._codec.decode(image), mean

    def _errors(self, clip: ValidationClip) -> dict[str, float]:
        log_mel = self._log_mel(clip)
        made, latent = self._given_back(log_mel)
        difference = made - log_mel
        return {
            "log_mel_error": difference.abs().mean().item(),
            "log_mel_rms": difference.square().mean().sqrt().item(),
            "latent_deviation": latent.std().item(),
        }

    def _scaling_factor(self) -> float:
        """What brings latents to unit variance, rounded so that a config holds it exactly."""
        latents = [self._given_back(self._log_mel(clip))[1].flatten() for clip in self._clips]
        return round(1.0 / torch.cat(latents).std().clamp_min(1e-4).item(), 5)

    @torch.no_grad()
    def _pair(self, name: str, clip: ValidationClip) -> Iterator[Shown]:
        log_mel = self._log_mel(clip)
        made, _ = self._given_back(log_mel)
        sound = self._vocoder(made)
        yield _shown(f"{name}-real", clip.title, clip.waveform[0], log_mel)
        yield _shown(f"{name}-made", f"{clip.title}, given back", sound[0], made)


def _shown(name: str, title: str, samples: Tensor, log_mel: LogMel) -> Shown:
    return Shown(name=name, title=title, samples=samples.cpu(), log_mel=log_mel.cpu())
