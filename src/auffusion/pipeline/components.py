"""Our stages as components of a diffusers pipeline, so that they are saved, moved and offloaded.

A plain `nn.Module` would be left out by `save_pretrained` with a mere warning. Saved folders name
this module's path in `model_index.json`: the file must stay where it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from diffusers.configuration_utils import (
    ConfigMixin,
    register_to_config,  # pyright: ignore[reportUnknownVariableType]
)
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.accelerate_utils import (
    apply_forward_hook,  # pyright: ignore[reportUnknownVariableType]
)
from jaxtyping import Float
from torch import Tensor

from auffusion.latent.patch_autoencoder import FOLD, PatchAutoencoder, PatchAutoencoderConfig
from auffusion.mel.spectrogram import PEAK
from auffusion.shapes import Latent, LogMel, SpecImage, Waveform
from auffusion.text import ConditionAdapter
from auffusion.vocoder import (
    FourierVocoder,
    FourierVocoderConfig,
    GriffinLim,
    GriffinLimConfig,
    HifiGan,
    HifiGanConfig,
)

# HiFi-GAN works at the rate of the samples: what it remembers of a minute would fill the memory.
# So it speaks in windows, with frames beside them that are thrown away. They are more than its
# field of view, 40 frames at most with published kernels, and leave no seam.
_WINDOW_FRAMES = 2048
_CONTEXT_FRAMES = 64


class _InFloat32(ModelMixin):
    """A component that moves with the pipeline but keeps its precision.

    A vocoder in 16 bits reaches ±1 where it should not and hisses; it is a small part of the
    work, so that there is nothing to gain.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:  # noqa: ANN401
        def keep(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            # From the original, so that a way through 16 bits does not round it.
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        return super()._apply(keep, recurse)


class HifiGanVocoder(_InFloat32, ConfigMixin):
    """`HifiGan` as a component; arguments are the fields of `HifiGanConfig`."""

    @register_to_config
    def __init__(
        self,
        num_mels: int = 256,
        upsample_initial_channel: int = 512,
        upsample_rates: Sequence[int] = (5, 4, 4, 2),
        upsample_kernel_sizes: Sequence[int] = (11, 8, 8, 4),
        resblock: str = "1",
        resblock_kernel_sizes: Sequence[int] = (3, 7, 11),
        resblock_dilation_sizes: Sequence[Sequence[int]] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    ) -> None:
        super().__init__()
        self.network = HifiGan(
            HifiGanConfig.from_dict(
                {
                    "num_mels": num_mels,
                    "upsample_initial_channel": upsample_initial_channel,
                    "upsample_rates": upsample_rates,
                    "upsample_kernel_sizes": upsample_kernel_sizes,
                    "resblock": resblock,
                    "resblock_kernel_sizes": resblock_kernel_sizes,
                    "resblock_dilation_sizes": resblock_dilation_sizes,
                }
            )
        )

    @classmethod
    def wrap(cls, network: HifiGan) -> "HifiGanVocoder":
        """A component around a generator that exists."""
        with torch.device("meta"):
            component = cls(**asdict(network.config))
        component.network = network
        return component.eval()

    @property
    def bands(self) -> int:
        """Mel bands of the input."""
        return self.network.config.num_mels

    @property
    def hop_length(self) -> int:
        """Samples a frame gives."""
        return self.network.config.hop_length

    def forward(self, log_mel: LogMel) -> Waveform:
        """Synthesise, in float32, in bounded memory."""
        frames, hop = log_mel.shape[-1], self.hop_length
        parts: list[Waveform] = []
        for start in range(0, frames, _WINDOW_FRAMES):
            first = max(start - _CONTEXT_FRAMES, 0)
            end = min(start + _WINDOW_FRAMES, frames)
            part = self.network(log_mel[..., first : end + _CONTEXT_FRAMES].float())
            parts.append(part[:, (start - first) * hop : (end - first) * hop])
        return torch.cat(parts, dim=-1)


class FourierVocoderModel(_InFloat32, ConfigMixin):
    """`FourierVocoder` as a component.

    Arguments are the fields of `FourierVocoderConfig`, and the rounds of Griffin-Lim that bring
    its sound closer to the log-mel (for the published front-end only); 0 leaves it as it is.
    """

    @register_to_config
    def __init__(
        self,
        bands: int = 256,
        channels: int = 192,
        blocks: int = 6,
        expansion: int = 3,
        fft_length: int = 640,
        hop_length: int = 160,
        dither: float = 0.2,
        polish_rounds: int = 0,
    ) -> None:
        super().__init__()
        self.network = FourierVocoder(
            FourierVocoderConfig(
                bands=bands,
                channels=channels,
                blocks=blocks,
                expansion=expansion,
                fft_length=fft_length,
                hop_length=hop_length,
                dither=dither,
            )
        )
        self.polish = GriffinLim(GriffinLimConfig(rounds=polish_rounds)) if polish_rounds else None

    @classmethod
    def wrap(cls, network: FourierVocoder, *, polish_rounds: int = 0) -> "FourierVocoderModel":
        """A component around a vocoder that exists."""
        component = cls(**asdict(network.config), polish_rounds=polish_rounds)
        component.network = network
        return component.eval()

    @property
    def bands(self) -> int:
        """Mel bands of the input."""
        return self.network.config.bands

    @property
    def hop_length(self) -> int:
        """Samples a frame gives."""
        return self.network.config.hop_length

    def forward(self, log_mel: LogMel) -> Waveform:
        """Synthesise, in float32."""
        log_mel = log_mel.float()
        waveform = self.network(log_mel)
        if self.polish is not None:
            waveform = self.polish(log_mel, waveform)
        # Guidance makes pictures brighter than any sound may be. HiFi-GAN ends in a tanh; here the
        # whole sound is brought down to the level the front-end brings sounds to, unclipped.
        loudest = waveform.abs().amax(dim=-1, keepdim=True)
        return waveform * (PEAK / loudest.clamp_min(PEAK))


class ConditionAdapterModel(ModelMixin, ConfigMixin):
    """`ConditionAdapter` as a component."""

    @register_to_config
    def __init__(self, condition_dim: int = 768, cross_attention_dim: int = 768) -> None:
        super().__init__()
        self.network = ConditionAdapter(condition_dim, cross_attention_dim)

    @classmethod
    def wrap(cls, network: ConditionAdapter) -> "ConditionAdapterModel":
        """A component around an adapter that exists."""
        component = cls(network.proj.in_features, network.proj.out_features)
        component.network = network
        return component.eval()

    def forward(self, embeds: Float[Tensor, "*batch condition"]) -> Float[Tensor, "*batch feature"]:
        """Rows of `cross_attention_dim` features."""
        return self.network(embeds)


class PatchAutoencoderModel(ModelMixin, ConfigMixin):
    """`PatchAutoencoder` as a component in the place of an `AutoencoderKL`, with its interface.

    Arguments are the fields of `PatchAutoencoderConfig`, and what brings latents to unit variance.
    """

    spatial_compression_ratio = FOLD * FOLD

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        fine_channels: int = 48,
        coarse_channels: int = 192,
        fine_blocks: int = 3,
        coarse_blocks: int = 2,
        scaling_factor: float = 1.0,  # noqa: ARG002 - kept in the config
    ) -> None:
        super().__init__()
        self.network = PatchAutoencoder(
            PatchAutoencoderConfig(
                latent_channels=latent_channels,
                fine_channels=fine_channels,
                coarse_channels=coarse_channels,
                fine_blocks=fine_blocks,
                coarse_blocks=coarse_blocks,
            )
        )
        self.use_slicing = False

    @classmethod
    def wrap(cls, network: PatchAutoencoder, scaling_factor: float) -> "PatchAutoencoderModel":
        """A component around an autoencoder that exists."""
        component = cls(**asdict(network.config), scaling_factor=scaling_factor)
        component.network = network
        return component.eval()

    def enable_slicing(self) -> None:
        """Take a batch item by item."""
        self.use_slicing = True

    def disable_slicing(self) -> None:
        """Undo `enable_slicing`."""
        self.use_slicing = False

    # Neither goes through `forward`, by which offloading would notice that the network is needed.
    @apply_forward_hook
    def encode(self, image: SpecImage) -> AutoencoderKLOutput:
        """The posterior of each picture in [-1, 1]."""
        moments = self._sliced(self.network.encode, image)
        return AutoencoderKLOutput(latent_dist=DiagonalGaussianDistribution(moments))

    @apply_forward_hook
    def decode(self, latent: Latent) -> DecoderOutput:
        """Pictures of latents, not clamped."""
        return DecoderOutput(sample=self._sliced(self.network.decode, latent))

    def _sliced(self, network: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        if not self.use_slicing:
            return network(batch)
        return torch.cat([network(batch[i : i + 1]) for i in range(len(batch))])
