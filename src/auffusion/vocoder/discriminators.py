"""Who tells a vocoder's sound from a recording: HiFi-GAN's two kinds of discriminators.

The multi-period discriminators look at every p-th sample, where a periodic sound repeats itself;
the multi-scale discriminators at the waveform and at smoothed, thinner versions of it
(arXiv 2010.05646, §2.3; layer sizes as in https://github.com/jik876/hifi-gan, which the paper B.1
names). They are needed for training only.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from auffusion.errors import InputError
from auffusion.shapes import Waveform

_SLOPE = 0.1
# Kernel, stride and groups of the layers of a multi-scale discriminator.
_SCALE_LAYERS = ((15, 1, 1), (41, 2, 4), (41, 2, 16), (41, 4, 16), (41, 4, 16), (41, 1, 16))
_SCALE_LAST = (5, 1, 1)

_Norm = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """Which discriminators there are, and their width; the defaults are HiFi-GAN's."""

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Samples from one that a multi-period discriminator sees to the next."""
    period_channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    """Width of its layers; all but the last take every third place."""
    scales: int = 3
    """Multi-scale discriminators; each sees half the samples of the one before."""
    scale_channels: tuple[int, ...] = (128, 128, 256, 512, 1024, 1024, 1024)
    """Width of their seven layers."""

    def __post_init__(self) -> None:
        if any(period < 1 for period in self.periods) or self.scales < 0:
            raise InputError(
                f"periods {self.periods} and scales {self.scales} of the discriminators must not "
                "be negative"
            )
        if not (self.periods or self.scales):
            raise InputError("there is no discriminator: name periods, or scales above 0")
        if len(self.scale_channels) != len(_SCALE_LAYERS) + 1 or not self.period_channels:
            raise InputError(
                f"scale_channels {self.scale_channels} must be seven numbers, and period_channels "
                f"{self.period_channels} at least one"
            )


class Judgement(NamedTuple):
    """What discriminators say of some sounds."""

    scores: list[Tensor]
    """[batch, place] of each discriminator: 1 is a recording, 0 is made."""
    features: list[list[Tensor]]
    """What each of its layers found, the score last."""


class _PeriodDiscriminator(nn.Module):
    """Convolutions down the columns of the waveform written in rows of `period` samples."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        last = len(channels) - 1
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (1 if i == last else 3, 1), (2, 0)))
            for i, (a, b) in enumerate(pairwise([1, *channels]))
        )
        self.score = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform: Waveform) -> list[Tensor]:
        """What each layer found."""
        missing = -waveform.shape[-1] % self.period
        padded = F.pad(waveform[:, None], (0, missing), mode="reflect")
        rows = padded.reshape(len(waveform), 1, -1, self.period)
        return _walk(self.layers, self.score, rows)


class _ScaleDiscriminator(nn.Module):
    """Wide convolutions along the waveform."""

    def __init__(self, channels: Sequence[int], norm: _Norm) -> None:
        super().__init__()
        shapes = zip(pairwise([1, *channels]), (*_SCALE_LAYERS, _SCALE_LAST), strict=True)
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(a, b, kernel, stride, kernel // 2, groups=math.gcd(groups, a, b)))
            for (a, b), (kernel, stride, groups) in shapes
        )
        self.score = norm(nn.Conv1d(channels[-1], 1, 3, padding=1))

    def forward(self, waveform: Waveform) -> list[Tensor]:
        """What each layer found."""
        return _walk(self.layers, self.score, waveform[:, None])


def _walk(layers: nn.ModuleList, score: nn.Module, x: Tensor) -> list[Tensor]:
    found: list[Tensor] = []
    for layer in layers:
        x = F.leaky_relu(layer(x), _SLOPE)
        found.append(x)
    return [*found, score(x)]


class Discriminators(nn.Module):
    """All discriminators of a run.

    >>> import torch
    >>> small = DiscriminatorConfig(periods=(2, 3), period_channels=(4, 8), scale_channels=(4,) * 7)
    >>> judged = Discriminators(small)(torch.zeros(1, 960))
    >>> [len(found) for found in judged.features]
    [3, 3, 8, 8, 8]
    """

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        config = config or DiscriminatorConfig()
        self.by_period = nn.ModuleList(
            _PeriodDiscriminator(period, config.period_channels) for period in config.periods
        )
        # The raw waveform's discriminator was steadier under the stronger of the two norms.
        self.by_scale = nn.ModuleList(
            _ScaleDiscriminator(config.scale_channels, weight_norm if i else spectral_norm)
            for i in range(config.scales)
        )

    def forward(self, waveform: Waveform) -> Judgement:
        """Judge each item."""
        found = [judge(waveform) for judge in self.by_period]
        for i, judge in enumerate(self.by_scale):
            if i:
                waveform = F.avg_pool1d(waveform[:, None], 4, 2, padding=2)[:, 0]
            found.append(judge(waveform))
        return Judgement([layers[-1].flatten(1) for layers in found], found)
