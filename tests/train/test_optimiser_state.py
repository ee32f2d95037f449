"""An optimiser that is put away as tensors and taken up again goes on as if nothing had been."""

import pytest
import torch
from torch import nn

from auffusion.train.optimiser_state import optimiser_tensors, restore_optimiser


def network(layout):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    return layers.to(memory_format=layout)


def adamw(module):
    return torch.optim.AdamW(module.parameters(), lr=1e-2, fused=True)


def step(module, optimiser, number):
    drawn = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(number))
    optimiser.zero_grad()
    module(drawn).square().mean().backward()
    optimiser.step()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_steps_after_a_restart_are_the_same_to_the_bit(layout):
    one, two = network(layout), network(layout)
    first = adamw(one)
    for number in range(4):
        step(one, first, number)
    # As a file gives them: in plain order, on the CPU.
    kept = {name: t.clone().contiguous() for name, t in optimiser_tensors(first).items()}
    two.load_state_dict({name: t.contiguous() for name, t in one.state_dict().items()})
    second = adamw(two)
    restore_optimiser(second, kept)
    for number in range(4, 8):
        step(one, first, number)
        step(two, second, number)
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name]), name


def test_names_are_the_parameters_in_their_order():
    module = network(torch.contiguous_format)
    optimiser = adamw(module)
    assert optimiser_tensors(optimiser) == {}
    step(module, optimiser, 0)
    names = {f"{i}.{name}" for i in range(4) for name in ("step", "exp_avg", "exp_avg_sq")}
    assert set(optimiser_tensors(optimiser)) == names


def test_a_parameter_that_had_no_gradient_yet_has_no_state():
    module = network(torch.contiguous_format)
    module[2].requires_grad_(False)
    optimiser = adamw(module)
    step(module, optimiser, 0)
    kept = optimiser_tensors(optimiser)
    assert {name.split(".")[0] for name in kept} == {"0", "1"}
    again = adamw(module)
    restore_optimiser(again, kept)
    assert optimiser_tensors(again).keys() == kept.keys()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"4.exp_avg": torch.ones(2)}, "no parameter 4"),
        ({"x.exp_avg": torch.ones(2)}, "no parameter x"),
        ({"0.exp_avg": torch.ones(2)}, r"0\.exp_avg of the optimiser is \[2\], not \[3, 2, 3, 3\]"),
    ],
)
def test_the_state_of_other_parameters_is_refused(change, sentence):
    module = network(torch.contiguous_format)
    optimiser = adamw(module)
    step(module, optimiser, 0)
    with pytest.raises(ValueError, match=sentence):
        restore_optimiser(adamw(module), {**optimiser_tensors(optimiser), **change})
