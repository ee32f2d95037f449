"""The vocoder of the published checkpoints: HiFi-GAN's generator (arXiv 2010.05646)."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.mel import MelConfig
from auffusion.shapes import LogMel, Waveform
from auffusion.vocoder.hifigan_config import HifiGanConfig
from auffusion.vocoder.weights import fold_weight_norm, load_strictly, read_generator

_SLOPE = 0.1
# Before the last layer the published generator uses torch's default slope, not its own.
_LAST_SLOPE = 0.01

Features = Float[Tensor, "batch channel step"]


def _same_conv(channels: int, kernel: int, dilation: int) -> nn.Conv1d:
    padding = (kernel - 1) * dilation // 2
    return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=padding)


class _ResBlock1(nn.Module):
    """Three residual steps: a dilated convolution, then a plain one."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_same_conv(channels, kernel, d) for d in dilations)
        self.convs2 = nn.ModuleList(_same_conv(channels, kernel, 1) for _ in dilations)

    def forward(self, x: Features) -> Features:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, _SLOPE)), _SLOPE))
        return x


class _ResBlock2(nn.Module):
    """Two residual steps of one dilated convolution."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(_same_conv(channels, kernel, d) for d in dilations)

    def forward(self, x: Features) -> Features:
        for dilated in self.convs:
            x = x + dilated(F.leaky_relu(x, _SLOPE))
        return x


def _upsampling(channels: int, rate: int, kernel: int) -> nn.ConvTranspose1d:
    # A transposed convolution gives (L - 1)·rate + kernel - 2·padding + output_padding samples.
    # With an even kernel - rate, half of it as padding leaves L·rate. An odd one cannot be
    # halved: one sample more is cut, and appended again by output_padding.
    odd = (kernel - rate) % 2
    return nn.ConvTranspose1d(
        channels,
        channels // 2,
        kernel,
        rate,
        padding=(kernel - rate) // 2 + odd,
        output_padding=odd,
    )


class HifiGan(nn.Module):
    """Log-mel to waveform; ``frame * hop_length`` samples in [-1, 1] come out.

    Parameter names are those of the published file with weight norm folded away.

    >>> tiny = HifiGanConfig(num_mels=4, upsample_initial_channel=32)
    >>> HifiGan(tiny)(torch.zeros(2, 4, 3)).shape  # 5 · 4 · 4 · 2 samples a frame
    torch.Size([2, 480])
    """

    def __init__(self, config: HifiGanConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HifiGanConfig()
        channels = [config.upsample_initial_channel]
        self.conv_pre = nn.Conv1d(config.num_mels, channels[0], 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            self.ups.append(_upsampling(channels[-1], rate, kernel))
            channels.append(channels[-1] // 2)
            self.resblocks.extend(_blocks(config, channels[-1]))
        self.conv_post = nn.Conv1d(channels[-1], 1, 7, padding=3)

    @classmethod
    def from_published(
        cls,
        config: Mapping[str, Any],
        checkpoint: object,
        *,
        mel: MelConfig | None = None,
    ) -> "HifiGan":
        """The generator of a published vocoder folder, for evaluation and in 32 bits.

        Args:
            config: the content of `config.json`; keys that do not shape the generator are ignored.
            checkpoint: the content of `vocoder.pt`, ``{"generator": weights}`` or the bare weights,
                with weight norm or folded.
            mel: the front-end that it must fit; the published one if not given.

        Raises:
            InputError: the config is incomplete or does not fit the front-end, or weights are
                missing, left over, of another shape or not finite.
        """
        shape = HifiGanConfig.from_dict(config)
        shape.check_front_end(mel or MelConfig())
        generator = cls(shape)
        load_strictly(generator, fold_weight_norm(read_generator(checkpoint)))
        return generator.eval()

    def forward(self, log_mel: LogMel) -> Waveform:
        """Synthesise.

        Args:
            log_mel: natural-log mel spectrogram, `num_mels` rows.
        """
        x = self.conv_pre(log_mel)
        kinds = len(self.config.resblock_kernel_sizes)
        for stage, upsample in enumerate(self.ups):
            x = upsample(F.leaky_relu(x, _SLOPE))
            blocks = self.resblocks[stage * kinds : (stage + 1) * kinds]
            x = reduce(torch.add, (block(x) for block in blocks)) / kinds
        return torch.tanh(self.conv_post(F.leaky_relu(x, _LAST_SLOPE)))[:, 0]


def _blocks(config: HifiGanConfig, channels: int) -> list[_ResBlock1 | _ResBlock2]:
    kind = _ResBlock1 if config.resblock == "1" else _ResBlock2
    widths = zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
    return [kind(channels, kernel, steps[: config.block_steps]) for kernel, steps in widths]
