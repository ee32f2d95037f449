"""The block that PANNs' networks and their descendants are stacked of."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each normalised and rectified (Kong et al. 2020, Table V).

    Args:
        before: channels that come in.
        after: channels that go out.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

    def forward(
        self, maps: Float[Tensor, "batch before time mel"]
    ) -> Float[Tensor, "batch after time mel"]:
        """Maps of the same size."""
        maps = F.relu(self.bn1(self.conv1(maps)))
        return F.relu(self.bn2(self.conv2(maps)))
