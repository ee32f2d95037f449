import json
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from auffusion.errors import InputError
from auffusion.train.run import ExponentialAverage, Run, Schedule, adamw, step_optimiser


@dataclass(frozen=True, kw_only=True)
class Settings:
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=10, learning_rate=1e-3))
    seed: int = 3


def state(width=3):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, width, 3), nn.BatchNorm2d(width))
    return network, ExponentialAverage(network, 0.9), adamw(network.parameters(), 1e-2, 0.01)


def train(network, average, optimiser, steps):
    for step in steps:
        torch.manual_seed(step)
        network(torch.randn(4, 2, 5, 5)).square().mean().backward()
        step_optimiser(optimiser, network, 1e-2)
        average.update(network, step)


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine():
    schedule = Schedule(steps=1000, learning_rate=2.0, warmup=10, decay_from=0.5)
    rates = [schedule.rate(step) for step in range(1000)]
    assert rates[:10] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    assert rates[10:501] == pytest.approx([2.0] * 491)
    assert rates[750] == pytest.approx(1.0)  # cos(π/2) half way down
    assert rates[875] == pytest.approx(1 - 0.5**0.5)  # 1 + cos(3π/4)
    assert 0 < rates[-1] < 1e-4


def test_a_schedule_may_never_fall_and_never_rise():
    flat = Schedule(steps=50, learning_rate=0.5, warmup=0, decay_from=1.0)
    assert {flat.rate(step) for step in range(50)} == {0.5}
    with pytest.raises(InputError, match="steps is 0"):
        Schedule(steps=0, learning_rate=1.0)


def test_the_average_is_the_recursion_it_is_defined_by():
    network, average, _ = state()
    expected = network.state_dict()["0.weight"].clone()
    for step in range(30):
        with torch.no_grad():
            network[0].weight.add_(0.1)
        average.update(network, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network[0].weight.detach()
    torch.testing.assert_close(average.weights["0.weight"], expected)
    assert average.weights["1.num_batches_tracked"] == network[1].num_batches_tracked


def test_a_checkpoint_gives_back_everything(tmp_path, assert_equal_weights):
    one = state()
    train(*one, range(4))
    run = Run(tmp_path, Settings())
    run.log(4, loss=1.0)
    run.save(4, *one)
    two = state()
    assert Run(tmp_path, Settings()).restore(*two) == 4
    assert_equal_weights(one[0], two[0])
    train(*one, range(4, 8))
    train(*two, range(4, 8))
    assert_equal_weights(one[0], two[0])
    for name, value in one[1].weights.items():
        assert torch.equal(value, two[1].weights[name])


def test_weights_in_another_memory_order_resume_alike(tmp_path, assert_equal_weights):
    """Fused AdamW reads moments and weights side by side as they lie in memory."""
    one, two = state(), state()
    for network, _, _ in (one, two):
        network.to(memory_format=torch.channels_last)
    train(*one, range(3))
    Run(tmp_path, Settings()).save(3, *one)
    Run(tmp_path, Settings()).restore(*two)
    train(*one, range(3, 6))
    train(*two, range(3, 6))
    assert_equal_weights(one[0], two[0])


def test_a_new_folder_starts_at_the_beginning(tmp_path):
    run = Run(tmp_path / "a/b", Settings())
    assert run.restore(*state()) == 0
    settings = json.loads((tmp_path / "a/b/settings.json").read_text())
    assert settings["seed"] == 3
    assert settings["schedule"]["learning_rate"] == 1e-3


def test_steps_that_are_taken_again_stand_in_the_log_once(tmp_path, read_log):
    one = state()
    run = Run(tmp_path, Settings())
    run.log(1, loss=1.0)
    run.save(1, *one)
    run.log(2, loss=2.0)
    again = Run(tmp_path, Settings())
    again.restore(*state())
    again.log(2, loss=2.5)
    assert read_log(tmp_path) == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 2.5}]


def test_a_run_that_never_saved_begins_its_log_anew(tmp_path):
    Run(tmp_path, Settings()).log(1, loss=1.0)
    Run(tmp_path, Settings()).restore(*state())
    assert (tmp_path / "log.jsonl").read_text() == ""


def test_time_adds_up_over_sittings(tmp_path):
    run = Run(tmp_path, Settings())
    run.before_s = 100.0
    run.save(1, *state())
    again = Run(tmp_path, Settings())
    again.restore(*state())
    assert again.elapsed_s >= 100.0


def test_what_is_not_finite_is_null_in_the_log(tmp_path, read_log):
    Run(tmp_path, Settings()).log(1, loss=float("nan"), norm=float("inf"), pixel=0.123456789)
    assert read_log(tmp_path) == [{"step": 1, "loss": None, "norm": None, "pixel": 0.123457}]


def test_a_finished_run_is_not_written_again(tmp_path):
    one = state()
    Run(tmp_path, Settings()).save(5, *one)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    again = Run(tmp_path, Settings())
    again.restore(*one)
    again.save(5, *one)
    again.save(4, *one)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_noise_depends_on_seed_and_step_only(tmp_path):
    draws = [
        torch.randn(3, generator=Run(tmp_path, Settings(seed=seed)).generator(step)).tolist()
        for seed, step in [(1, 5), (1, 5), (1, 6), (2, 5)]
    ]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 3


def test_a_damaged_checkpoint_is_told(tmp_path):
    one = state()
    Run(tmp_path, Settings()).save(1, *one)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors is damaged .*: delete it"):
        Run(tmp_path, Settings()).restore(*one)


def test_a_checkpoint_of_another_network_is_told(tmp_path):
    Run(tmp_path, Settings()).save(1, *state(width=3))
    with pytest.raises(InputError, match="is of another network"):
        Run(tmp_path, Settings()).restore(*state(width=4))


def test_a_gradient_that_is_not_finite_moves_nothing():
    network, _, optimiser = state()
    before = network[0].weight.detach().clone()
    (network(torch.randn(4, 2, 5, 5)).sum() * torch.inf).backward()
    norm = step_optimiser(optimiser, network, 1e-2)
    assert not torch.isfinite(torch.tensor(norm))
    assert torch.equal(network[0].weight, before)
    assert network[0].weight.grad is None


def test_the_norm_before_clipping_is_returned_and_the_step_is_clipped():
    weight = nn.Linear(4, 1, bias=False)
    (1000 * weight(torch.ones(1, 4))).sum().backward()
    sgd = torch.optim.SGD(weight.parameters(), lr=1.0)
    before = weight.weight.detach().clone()
    assert step_optimiser(sgd, weight, 0.5) == pytest.approx(2000.0)  # |(1000, …)| = 1000·√4
    assert (weight.weight - before).norm().item() == pytest.approx(0.5, rel=1e-4)
