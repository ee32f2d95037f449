"""3x3 convolutions with a third fewer multiplications, for processors.

Two neighbours of a row that is convolved with three weights g cost six multiplications. Winograd's
F(2, 3) (Arithmetic Complexity of Computations, 1980; Lavin and Gray, arXiv 1509.09308, Eq. 5) needs
four. Of four neighbours d:

    m0 = (d0 - d2) g0                       y0 = m0 + m1 + m2
    m1 = (d1 + d2) (g0 + g1 + g2) / 2       y1 = m1 - m2 - m3
    m2 = (d2 - d1) (g0 - g1 + g2) / 2
    m3 = (d1 - d3) g2

Here d are whole columns of maps, and each product is a convolution down the columns with three
weights. All factors of d and m are 1, so that rounding stays what it was: it is no approximation.
An accelerator's library chooses such ways itself.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_WEIGHTS = torch.tensor(
    [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64
)
# With fewer channels, sums of maps take longer than the products that they save.
_WORTH_IT = 128


class RowConvolution(nn.Module):
    """The same as a 3x3 convolution of stride 1 with a border of zeros.

    Args:
        conv: whose weights it takes.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        kernels = torch.einsum("kw,oihw->koih", _WEIGHTS, conv.weight.detach().double())
        self.kernels = nn.ParameterList(
            nn.Parameter(one[..., None].float(), requires_grad=False) for one in kernels
        )
        self.bias = conv.bias

    def forward(
        self, maps: Float[Tensor, "batch before height width"]
    ) -> Float[Tensor, "batch after height width"]:
        """Maps of the same size."""
        width = maps.shape[-1]
        even = width + width % 2
        padded = F.pad(maps, (1, even - width + 1))
        d0, d1, d2, d3 = (padded[..., j : j + even - 1 : 2] for j in range(4))
        # m1 is in both sums, and brings the bias to both.
        m0, m1, m2, m3 = (
            F.conv2d(x, kernel, bias, padding=(1, 0))
            for x, kernel, bias in zip(
                (d0 - d2, d1 + d2, d2 - d1, d1 - d3),
                self.kernels,
                (None, self.bias, None, None),
                strict=True,
            )
        )
        out = torch.empty((*m0.shape[:-1], even), dtype=m0.dtype, memory_format=torch.channels_last)
        torch.sub(m1 - m2, m3, out=out[..., 1::2])
        torch.add(m0, m1.add_(m2), out=out[..., 0::2])
        return out[..., :width]


def by_rows(network: nn.Module) -> None:
    """Put row convolutions in the place of a network's wide 3x3 convolutions."""
    for parent in [*network.modules()]:
        for name, module in [*parent.named_children()]:
            if isinstance(module, nn.Conv2d) and _fits(module):
                setattr(parent, name, RowConvolution(module))


def _fits(conv: nn.Conv2d) -> bool:
    plain = conv.stride == (1, 1) == conv.padding == conv.dilation and conv.groups == 1
    return plain and conv.kernel_size == (3, 3) and conv.in_channels >= _WORTH_IT
