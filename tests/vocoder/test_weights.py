"""Weight norm folded by us equals weight norm folded by torch, old and new."""

import pytest
import torch
from torch import nn

from auffusion.vocoder import fold_weight_norm


def normed(layer, apply):
    torch.manual_seed(0)
    holder = nn.ModuleDict({"layer": apply(layer)})
    with torch.no_grad():  # away from the start, where the magnitude is the direction's norm
        for parameter in holder.parameters():
            parameter.mul_(1.0 + torch.rand_like(parameter))
    return holder


# Of a transposed convolution the first dimension is the input.
both_kinds = pytest.mark.parametrize(
    ("kind", "width"), [(nn.Conv1d, 3), (nn.ConvTranspose1d, 5)], ids=["convolution", "transposed"]
)


@both_kinds
def test_new_weight_norm_folds_to_the_weight_that_torch_computes(kind, width):
    holder = normed(kind(4, 6, width), nn.utils.parametrizations.weight_norm)
    folded = fold_weight_norm(holder.state_dict())
    assert sorted(folded) == ["layer.bias", "layer.weight"]
    torch.testing.assert_close(folded["layer.weight"], holder["layer"].weight, atol=1e-6, rtol=0)


@both_kinds
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_old_weight_norm_folds_to_the_weight_that_torch_computes(kind, width):
    holder = normed(kind(4, 6, width), nn.utils.weight_norm)
    state = holder.state_dict()
    assert sorted(state) == ["layer.bias", "layer.weight_g", "layer.weight_v"]
    nn.utils.remove_weight_norm(holder["layer"])
    folded = fold_weight_norm(state)["layer.weight"]
    torch.testing.assert_close(folded, holder["layer"].weight, atol=1e-6, rtol=0)


def test_folding_twice_is_folding_once():
    state = nn.Conv1d(2, 3, 3).state_dict()
    assert fold_weight_norm(state).keys() == state.keys()
    assert all(torch.equal(fold_weight_norm(state)[name], state[name]) for name in state)


def test_half_precision_weights_are_folded_in_single_precision():
    state = {
        "x.weight_g": torch.ones(1, 1).half(),
        "x.weight_v": torch.tensor([[300.0, 400.0]]).half(),
    }
    torch.testing.assert_close(fold_weight_norm(state)["x.weight"], torch.tensor([[0.6, 0.8]]))
