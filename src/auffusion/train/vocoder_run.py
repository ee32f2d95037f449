"""`auffusion train vocoder`: HiFi-GAN for the front-end of the paper, or a lighter vocoder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from auffusion.data.prepared import PreparedData
from auffusion.errors import InputError
from auffusion.mel import MelConfig, MelSpectrogram
from auffusion.pipeline.components import FourierVocoderModel, HifiGanVocoder
from auffusion.train.card import write_card
from auffusion.train.listening import Shown, write_page
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.segments import SegmentData, Segments
from auffusion.train.starting_parts import LoadedVae, load_starting_vae, load_starting_vocoder
from auffusion.train.validation import Validation, ValidationClip, means, validation_clips
from auffusion.train.vocoder_task import VocoderInput, VocoderLosses, VocoderTask
from auffusion.vocoder import (
    DiscriminatorConfig,
    Discriminators,
    FourierVocoderConfig,
    HifiGan,
    HifiGanConfig,
    MultiResolutionStft,
    add_weight_norm,
    fold_weight_norm,
)

# The widest transform of `MultiResolutionStft`, which the ends of a sound are mirrored for.
_SHORTEST = 2048


@dataclass(frozen=True, kw_only=True)
class StartingVocoder:
    """The `[generator]` table: the vocoder that is trained."""

    base: str = ""
    """A vocoder's folder, ours or as published, a model's folder, a hub id or 'embedded' to start
    from; empty starts at random, of the kind and size below."""
    kind: Literal["hifigan", "fourier"] = "hifigan"
    """HiFi-GAN, or the light vocoder of the embedded model."""
    hifigan: HifiGanConfig = field(default_factory=HifiGanConfig)
    """HiFi-GAN's size."""
    fourier: FourierVocoderConfig = field(default_factory=FourierVocoderConfig)
    """The light one's."""


def _loop() -> LoopSettings:
    # HiFi-GAN's 500 thousand steps; the paper says rate and batch only (B.1).
    return LoopSettings(
        steps=500_000,
        batch=16,
        learning_rate=2e-4,
        beta1=0.8,
        beta2=0.99,
        clip=0.0,
        average_decay=0.0,
    )


@dataclass(frozen=True, kw_only=True)
class VocoderConfig:
    """All that a run is told."""

    data: SegmentData
    """What it learns from."""
    frames: int = 51
    """Frames of an example; 51 are 8,160 samples, HiFi-GAN's 8,192 in whole frames."""
    generator: StartingVocoder = field(default_factory=StartingVocoder)
    """What is trained."""
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """Whom it is trained against."""
    losses: VocoderLosses = field(default_factory=VocoderLosses)
    """What it minimises."""
    input: VocoderInput = field(default_factory=VocoderInput)
    """What it is shown."""
    loop: LoopSettings = field(default_factory=_loop)
    """How."""
    listening: Validation = field(default_factory=Validation)
    """What it is measured and heard by."""


class VocoderCopies:
    """What becomes of a vocoder: pages of copies beside the sounds, and a folder at the end.

    Args:
        component: holds the network that is trained.
        mel: the front-end.
        config: of the run.
        data: what it learns from; it is measured by clips of the first.
        run: the run's folder.
    """

    def __init__(
        self,
        component: Any,  # noqa: ANN401
        mel: MelSpectrogram,
        config: VocoderConfig,
        data: Sequence[PreparedData],
        run: Path,
    ) -> None:
        self._component, self._mel = component, mel
        self._config, self._data, self._run = config, data, run
        self._distance = MultiResolutionStft()
        self._clips = validation_clips(
            data[0], config.listening, multiple=mel.config.hop_length, least=_SHORTEST
        )

    def listen(self, step: int, folder: Path) -> None:
        """Each sound and its copy, and how far they are apart."""
        table = self._config.listening
        shown: list[Shown] = []
        for number, clip in enumerate(self._clips[: table.shown]):
            shown += self._pair(f"{number:02d}", clip)
        title = f"step {step}: sounds, and what the vocoder makes of their spectrograms"
        write_page(folder, title, shown, self._mel.config.sample_rate, self.measured())

    def export(self, folder: Path) -> None:
        """A folder for `from_pretrained(…, vocoder=FOLDER)`, weight norm folded, with a card."""
        folded(self._component).save_pretrained(folder)
        write_card(
            folder,
            kind="vocoder",
            config=asdict(self._config),
            data=self._data[0].facts,
            more=[data.facts for data in self._data[1:]],
            use=_usage(self._mel.config),
            run=self._run,
        )

    def measured(self) -> dict[str, float]:
        """Mean distances of the validation clips and their copies."""
        clips = self._clips[: self._config.listening.measured]
        return means(self._errors(clip) for clip in clips)

    def _errors(self, clip: ValidationClip) -> dict[str, float]:
        copy = self._copy(clip)
        target = clip.waveform.to(copy.device)
        error = (self._mel(copy) - self._mel(target)).abs().mean()
        return {
            "multi-resolution STFT distance": float(self._distance(copy, target)),
            "log-mel error": float(error),
        }

    def _pair(self, name: str, clip: ValidationClip) -> Sequence[Shown]:
        return [
            _shown(self._mel, f"{name}-{kind}", f"{clip.title} ({kind})", waveform)
            for kind, waveform in (("original", clip.waveform), ("copy", self._copy(clip)))
        ]

    @torch.no_grad()
    def _copy(self, clip: ValidationClip) -> torch.Tensor:
        network: nn.Module = self._component.network
        was_training = network.training
        try:
            network.eval()
            return self._component(self._mel(clip.waveform.to(self._mel.window.device)))
        finally:
            network.train(was_training)


def _usage(mel: MelConfig) -> str:
    return (
        f"`AuffusionPipeline.from_pretrained(MODEL, vocoder=FOLDER)`; it reads {mel.bands} mel "
        f"bands from {mel.low_hz:g} to {mel.high_hz:g} Hz of sound at {mel.sample_rate:,} samples "
        f"a second, {mel.hop_length} to a frame."
    )


def _shown(mel: MelSpectrogram, name: str, title: str, waveform: torch.Tensor) -> Shown:
    log_mel = mel(waveform.to(mel.window.device)).cpu()
    return Shown(name=name, title=title, samples=waveform[0].float().cpu(), log_mel=log_mel)


def folded(component: Any) -> Any:  # noqa: ANN401
    """A vocoder for use: HiFi-GAN's weight norm folded away, on the CPU."""
    if not isinstance(component, HifiGanVocoder):
        return component.eval()
    state = fold_weight_norm(component.network.state_dict())
    network = HifiGan(component.network.config)
    network.load_state_dict({name: value.cpu() for name, value in state.items()})
    return HifiGanVocoder.wrap(network)


def vocoder_task(config: VocoderConfig, run: Path, device: str) -> VocoderTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data, vocoder or VAE, or they do not belong together.
    """
    sets = config.data.opened()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.loop.seed)
        component = _component(config.generator)
        judges = Discriminators(config.discriminators) if config.losses.adversarial else None
    component.to(device)
    mel = MelConfig(bands=component.bands, hop_length=component.hop_length)
    if config.frames * mel.hop_length <= _SHORTEST // 2:
        raise InputError(
            f"frames is {config.frames}: choose more than {_SHORTEST // 2 // mel.hop_length}"
        )
    vae = _vae(config.input, mel)
    if vae is not None:
        mel = vae.mel or mel
        vae.vae.to(device)
    front_end = MelSpectrogram(mel).to(device)
    wide = max(config.frames, config.input.context_frames) if vae else config.frames
    return VocoderTask(
        component.network.requires_grad_(True).train(),
        judges and judges.to(device),
        front_end,
        Segments(
            sets,
            samples=wide * mel.hop_length,
            batch=config.loop.batch,
            seed=config.loop.seed,
        ),
        frames=config.frames,
        losses=config.losses,
        shown=config.input,
        decode=vae and vae.decoded,
        showcase=VocoderCopies(component, front_end, config, [data for data, _ in sets], run),
    )


def _component(settings: StartingVocoder) -> Any:  # noqa: ANN401
    if settings.base:
        component: Any = load_starting_vocoder(settings.base)
    elif settings.kind == "hifigan":
        component = HifiGanVocoder(**asdict(settings.hifigan))
    else:
        component = FourierVocoderModel(**asdict(settings.fourier))
    if isinstance(component, HifiGanVocoder):
        add_weight_norm(component.network)
    return component


def _vae(settings: VocoderInput, mel: MelConfig) -> LoadedVae | None:
    if not settings.model:
        return None
    found = load_starting_vae(settings.model)
    own = found.mel or mel
    if (own.bands, own.hop_length) != (mel.bands, mel.hop_length):
        raise InputError(
            f"the VAE of {settings.model} is of {own.bands} mel bands, {own.hop_length} samples a "
            f"frame, and the vocoder of {mel.bands}, {mel.hop_length}: name one that belongs to it"
        )
    found.vae.requires_grad_(False).eval()
    return found
