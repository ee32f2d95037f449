"""`auffusion train vae`: an autoencoder of mel spectrograms, from scratch or a model's own."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from auffusion.errors import InputError
from auffusion.image import MelImageCodec
from auffusion.latent import PatchAutoencoderConfig
from auffusion.latent.patch_discriminator import PatchDiscriminator, PatchDiscriminatorConfig
from auffusion.mel import MelConfig
from auffusion.pipeline.components import PatchAutoencoderModel
from auffusion.pipeline.hub import model_folder
from auffusion.pipeline.parts import load_vocoder
from auffusion.train.autoencoding import AutoencoderObjective, AutoencodingTask
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.reconstruction import VaeShowcase
from auffusion.train.segments import SegmentData, Segments
from auffusion.train.starting_parts import load_starting_vae
from auffusion.train.validation import Validation
from auffusion.vocoder import GriffinLim, GriffinLimConfig


@dataclass(frozen=True, kw_only=True)
class StartingVae:
    """The `[model]` table."""

    base: str = ""
    """A model's folder, a hub id or 'embedded', whose VAE is trained on, or the folder of a VAE
    alone; empty starts one at random, of the size in [kl] or [patch]."""
    kind: Literal["kl", "patch"] = "kl"
    """What starts at random: diffusers' `AutoencoderKL`, or the embedded model's light one."""
    gradient_checkpointing: bool = False
    """Compute activations twice rather than keep them; for `AutoencoderKL` only."""


@dataclass(frozen=True, kw_only=True)
class KlSize:
    """The `[kl]` table: an `AutoencoderKL`; the defaults are Stable Diffusion 1.5's."""

    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    """Width of each level; the next has half the height."""
    layers_per_block: int = 2
    """Residual blocks of a level."""
    latent_channels: int = 4
    """Numbers for each place of the latent."""
    norm_num_groups: int = 32
    """Groups of channels that are normalised together; all widths are multiples of it."""

    def __post_init__(self) -> None:
        widths = self.block_out_channels
        if not widths or min(self.norm_num_groups, self.layers_per_block, self.latent_channels) < 1:
            raise InputError("kl must have levels, blocks, latent channels and groups")
        if any(width < 1 or width % self.norm_num_groups for width in widths):
            raise InputError(
                f"kl.block_out_channels {widths} must be multiples of kl.norm_num_groups "
                f"{self.norm_num_groups}"
            )

    def build(self) -> Any:  # noqa: ANN401
        """One of random weights."""
        levels = len(self.block_out_channels)
        # Its own annotations speak of tuples of one.
        kind: Any = AutoencoderKL
        return kind(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            **asdict(self),
        )


@dataclass(frozen=True, kw_only=True)
class VaeConfig:
    """All that a run is told; the paper trains none (§3.2), and has Stable Diffusion's."""

    data: SegmentData
    """What it learns from."""
    model: StartingVae = field(default_factory=StartingVae)
    """What it starts from."""
    kl: KlSize = field(default_factory=KlSize)
    """The size of a new `AutoencoderKL`."""
    patch: PatchAutoencoderConfig = field(default_factory=PatchAutoencoderConfig)
    """The size of a new light one."""
    discriminator: PatchDiscriminatorConfig = field(default_factory=PatchDiscriminatorConfig)
    """The judge, where objective.adversarial is above 0."""
    objective: AutoencoderObjective = field(default_factory=AutoencoderObjective)
    """What it minimises."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(batch=8, learning_rate=5e-5, weight_decay=0.0)
    )
    """How."""
    listening: Validation = field(default_factory=Validation)
    """What it is measured and heard by."""

    def __post_init__(self) -> None:
        if self.objective.decoder_only and not self.model.base:
            raise InputError(
                "objective.decoder_only keeps an encoder that was not trained: name a model.base"
            )


@dataclass(frozen=True, kw_only=True)
class _Start:
    """An autoencoder with what surrounds it."""

    vae: Any
    mel: MelConfig
    codec: MelImageCodec
    vocoder: Any
    """By which its pictures are heard."""


def vae_task(config: VaeConfig, run: Path, device: str) -> AutoencodingTask:
    """The task that a configuration describes.

    Raises:
        InputError: no such data or model, or pictures that it cannot encode.
    """
    sets, objective = config.data.opened(), config.objective
    start = _open(config)
    # Convolutions are faster with the channels last, on processors and accelerators alike.
    vae = start.vae.to(device, memory_format=torch.channels_last).requires_grad_(True).train()
    if objective.decoder_only:
        _freeze_encoder(vae)
    return AutoencodingTask(
        vae,
        _new_judge(config, device) if objective.adversarial else None,
        Segments(
            sets,
            samples=objective.frames * start.mel.hop_length,
            batch=config.loop.batch,
            seed=config.loop.seed,
        ),
        mel=start.mel,
        codec=start.codec,
        objective=objective,
        showcase=VaeShowcase(
            vae,
            [data for data, _ in sets],
            config.listening,
            mel=start.mel,
            codec=start.codec,
            vocoder=start.vocoder.to(device),
            rescales=not objective.decoder_only,
            config=config,
            run=run,
        ),
    )


def _new_judge(config: VaeConfig, device: str) -> PatchDiscriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.loop.seed)
        network: Any = PatchDiscriminator(config.discriminator)
    return network.to(device, memory_format=torch.channels_last)


def _freeze_encoder(vae: Any) -> None:  # noqa: ANN401
    network = vae.network if isinstance(vae, PatchAutoencoderModel) else vae
    network.encoder.requires_grad_(False)
    quantiser = getattr(vae, "quant_conv", None)
    if quantiser is not None:
        quantiser.requires_grad_(False)


def _open(config: VaeConfig) -> _Start:
    if config.model.base:
        start = _of_base(config.model.base)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.loop.seed)
            new = config.model.kind == "kl"
            vae = config.kl.build() if new else PatchAutoencoderModel(**asdict(config.patch))
        start = _surrounded(vae, MelConfig(), MelImageCodec(), None)
    if config.model.gradient_checkpointing:
        if not isinstance(start.vae, AutoencoderKL):
            raise InputError(
                "model.gradient_checkpointing is for AutoencoderKL, which this is not: set false"
            )
        start.vae.enable_gradient_checkpointing()
    return start


def _of_base(base: str) -> _Start:
    """The autoencoder of a model, with its vocoder, or one in a folder of its own."""
    loaded = load_starting_vae(base)
    folder = model_folder(base) / "vocoder"
    vocoder = load_vocoder(folder) if folder.is_dir() else None
    mel = loaded.mel or (MelConfig() if vocoder is None else MelConfig(bands=vocoder.bands))
    return _surrounded(loaded.vae, mel, loaded.image, vocoder)


def _surrounded(vae: Any, mel: MelConfig, codec: MelImageCodec, vocoder: Any) -> _Start:  # noqa: ANN401
    heard = vocoder if vocoder is not None else GriffinLim(GriffinLimConfig(mel=mel, rounds=32))
    return _Start(vae=vae, mel=mel, codec=codec, vocoder=heard.eval())
