"""The running average of weights."""

import pytest
import torch
from torch import nn

from auffusion.train.average import ExponentialAverage, put_tensors, trained_tensors


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def moved(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    module(torch.randn(8, 3))


def test_it_is_the_formula_in_double_precision():
    module = network()
    average = ExponentialAverage(module, 0.9)
    expected = {n: v.double().clone() for n, v in module.state_dict().items()}
    for step in range(120):
        moved(module)
        average.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
    for name, value in average.weights.items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-5)


def test_whole_numbers_are_copied_and_not_averaged():
    module = network()
    average = ExponentialAverage(module, 0.9)
    for step in range(3):
        moved(module)
        average.update(module, step)
    assert average.weights["1.num_batches_tracked"] == 3


def test_weights_that_stand_still_are_their_own_average():
    module = network()
    average = ExponentialAverage(module, 0.99)
    for step in range(50):
        average.update(module, step)
    for name, value in module.state_dict().items():
        assert torch.equal(average.weights[name], value)


def test_it_is_shown_for_a_while_and_the_weights_come_back():
    module = network()
    average = ExponentialAverage(module, 0.5)
    moved(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with average.shown(module):
        for name, value in module.state_dict().items():
            assert torch.equal(value, average.weights[name])
        assert not torch.equal(module[0].weight, before["0.weight"])
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_weights_come_back_after_an_error_too():
    module = network()
    average = ExponentialAverage(module, 0.5)
    moved(module)
    before = module[0].weight.clone()
    with pytest.raises(KeyboardInterrupt), average.shown(module):
        raise KeyboardInterrupt
    assert torch.equal(module[0].weight, before)


def test_frozen_parameters_and_buffers_that_are_not_kept_are_left_out():
    module = network()
    module[0].requires_grad_(False)
    module.register_buffer("passing", torch.ones(1), persistent=False)
    names = set(trained_tensors(module))
    assert not any(name.startswith("0.") for name in names)
    assert "passing" not in names
    assert "1.running_mean" in names
    assert "2.weight" in names


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda kept: kept.pop("2.bias"), r"2\.bias is only in the network"),
        (lambda kept: kept.update(more=torch.ones(1)), "more is only there"),
        (lambda kept: kept.update({"2.bias": torch.ones(1)}), r"2\.bias is \[1\], not \[2\]"),
    ],
)
def test_tensors_of_another_network_are_put_nowhere(change, sentence):
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    kept = {name: value + 1 for name, value in trained_tensors(module).items()}
    change(kept)
    with pytest.raises(ValueError, match=sentence):
        put_tensors(trained_tensors(module), kept)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
