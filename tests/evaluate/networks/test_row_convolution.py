import pytest
import torch
from torch import nn

from auffusion.evaluate.inference import few_at_a_time, ready
from auffusion.evaluate.row_convolution import RowConvolution


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 31), (2, 62), (5, 3)])
def test_it_is_the_convolution_whose_weights_it_has(size, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 5, 3, padding=1, bias=bias)
    maps = torch.randn(2, 6, *size)
    # The second opinion is torch's own convolution in double precision.
    wanted = nn.functional.conv2d(
        maps.double(),
        conv.weight.double(),
        None if conv.bias is None else conv.bias.double(),
        padding=1,
    )
    with torch.inference_mode():
        found = RowConvolution(conv)(maps)
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=2e-6)


def test_it_rounds_no_more_than_the_plain_convolution():
    torch.manual_seed(1)
    conv = nn.Conv2d(256, 64, 3, padding=1, bias=False)
    maps = torch.randn(1, 256, 8, 40)
    exact = nn.functional.conv2d(maps.double(), conv.weight.double(), padding=1)
    with torch.inference_mode():
        errors = [
            (one(maps) - exact).square().mean().sqrt().item()
            for one in (RowConvolution(conv), conv)
        ]
    assert errors[0] < 1.5 * errors[1]


def test_only_wide_plain_convolutions_are_replaced():
    wide, thin = nn.Conv2d(128, 4, 3, padding=1), nn.Conv2d(127, 128, 3, padding=1)
    strided, large = nn.Conv2d(128, 4, 3, 2, padding=1), nn.Conv2d(128, 4, 5, padding=2)
    network = nn.ModuleDict({"a": wide, "b": nn.Sequential(thin, wide, strided, large)})
    kept = ready(network, "cpu")
    assert isinstance(kept["a"], RowConvolution)
    assert [type(one) for one in kept["b"]] == [nn.Conv2d, RowConvolution, nn.Conv2d, nn.Conv2d]


def test_few_at_a_time_changes_nothing():
    maps = torch.randn(7, 3, 4)
    seen = []

    def layers(part):
        seen.append(len(part))
        return part.square()

    # Three items of 2 MiB numbers fit a cache of 16 MiB twice over; four bytes each.
    found = few_at_a_time(layers, maps, 2 << 20)
    assert torch.equal(found, maps.square())
    assert seen == [2, 2, 2, 1]
