import torch
import torch.nn.functional as F

from auffusion.text import ConditionAdapter


def adapter():
    torch.manual_seed(0)
    made = ConditionAdapter(12, 16)
    # The initial norm is the identity, which would hide its weights.
    torch.nn.init.normal_(made.norm.weight)
    torch.nn.init.normal_(made.norm.bias)
    return made


def test_it_is_the_layer_norm_of_a_linear_map():
    made, rows = adapter(), torch.randn(2, 7, 12)
    linear = F.linear(rows, made.proj.weight, made.proj.bias)
    expected = F.layer_norm(linear, (16,), made.norm.weight, made.norm.bias, eps=1e-5)
    torch.testing.assert_close(made(rows), expected, atol=1e-6, rtol=0)


def test_a_row_of_zeros_becomes_the_norm_of_the_bias():
    made = adapter()
    expected = F.layer_norm(made.proj.bias, (16,), made.norm.weight, made.norm.bias)
    torch.testing.assert_close(made(torch.zeros(1, 1, 12))[0, 0], expected, atol=1e-6, rtol=0)
    assert expected.abs().max() > 0.1


def test_its_parameters_have_the_published_names_and_sizes():
    shapes = {name: tuple(tensor.shape) for name, tensor in adapter().state_dict().items()}
    assert shapes == {
        "proj.weight": (16, 12),
        "proj.bias": (16,),
        "norm.weight": (16,),
        "norm.bias": (16,),
    }
