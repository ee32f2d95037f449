"""A judge of pictures for adversarial training of an autoencoder, and its losses.

A PatchGAN (Isola et al., arXiv 1611.07004, §3.2): every place of its answer judges a patch of the
picture, so that it asks for sharpness and leaves the whole to other losses. The losses are the
hinge of Lim and Ye (arXiv 1705.02894).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from auffusion.errors import InputError
from auffusion.shapes import SpecImage

Scores = Float[Tensor, "batch 1 height width"]
Loss = Float[Tensor, ""]

_SLOPE = 0.2
_GROUPS = 8
_WIDEST = 8


@dataclass(frozen=True, kw_only=True)
class PatchDiscriminatorConfig:
    """The `[discriminator]` table."""

    channels: int = 64
    """Width of the first layer, a multiple of 8; each next one has twice as many, up to 8 times."""
    layers: int = 3
    """Layers that halve the picture; with 3 a patch is 70 pixels wide."""

    def __post_init__(self) -> None:
        if self.channels < _GROUPS or self.channels % _GROUPS or self.layers < 1:
            raise InputError(
                f"discriminator.channels {self.channels} must be a multiple of {_GROUPS} and "
                f"layers {self.layers} at least 1"
            )


class PatchDiscriminator(nn.Module):
    """Pictures in [-1, 1] to a score for each patch: high where it looks real.

    >>> import torch
    >>> PatchDiscriminator()(torch.zeros(2, 3, 64, 96)).shape
    torch.Size([2, 1, 6, 10])
    """

    def __init__(self, config: PatchDiscriminatorConfig | None = None) -> None:
        super().__init__()
        config = config or PatchDiscriminatorConfig()
        widths = [min(2**i, _WIDEST) * config.channels for i in range(config.layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 2, 1), nn.LeakyReLU(_SLOPE)]
        for number, (one, two) in enumerate(pairwise(widths), start=1):
            stride = 2 if number < config.layers else 1
            # Not a norm over the batch, by which pictures would be judged by their neighbours.
            layers += [
                nn.Conv2d(one, two, 4, stride, 1),
                nn.GroupNorm(_GROUPS, two),
                nn.LeakyReLU(_SLOPE),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, image: SpecImage) -> Scores:
        """Judge."""
        return self.layers(image)


def judge_loss(real: Scores, made: Scores) -> Loss:
    """Real patches' scores above 1 and made ones' below -1 cost nothing.

    >>> import torch
    >>> one = torch.ones(1, 1, 2, 2)
    >>> judge_loss(2 * one, -2 * one), judge_loss(one, one)
    (tensor(0.), tensor(1.))
    """
    return 0.5 * (F.relu(1.0 - real.float()).mean() + F.relu(1.0 + made.float()).mean())


def maker_loss(made: Scores) -> Loss:
    """What made patches' scores lack."""
    return -made.float().mean()
