import os
import socket
import subprocess
import sys

import torch
from safetensors.torch import load_file
from torch import nn

from auffusion.train.parallel import Group, average_gradients, join_group
from auffusion.train.run import adamw, step_optimiser

STEPS = 3

# Two processes, each with half of the batch; the first writes what came of it.
ONE_OF_TWO = """
import os
import sys
from dataclasses import dataclass
from pathlib import Path
import torch
import torch.distributed as dist
from torch import nn
from auffusion.train.run import ExponentialAverage, Run, adamw, step_optimiser

@dataclass
class Settings:
    seed: int = 0

torch.set_num_threads(1)
run = Run(Path(sys.argv[1]), Settings())
torch.manual_seed(0)
network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))
average, optimiser = ExponentialAverage(network, 0.9), adamw(network.parameters(), 1e-2, 0.01)
data = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
for step in range(int(sys.argv[2])):
    network(data[run.rank :: run.world]).square().mean().backward()
    norm = step_optimiser(optimiser, network, 1e-2)
run.log(1, norm=norm, world=run.world)
run.save(1, network, average, optimiser)
own = torch.cat([p.detach().reshape(-1) for p in network.parameters()])
both = [torch.empty_like(own) for _ in range(2)]
dist.all_gather(both, own)
dist.barrier()
# Without the interpreter's own end, in which gloo's threads now and then abort the process.
os._exit(0 if torch.equal(*both) else 3)
"""


def in_two_processes(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", ONE_OF_TWO, str(folder), str(STEPS)]
    processes = [
        subprocess.Popen(command, env={**common, "RANK": str(rank)}, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors.decode()


def test_two_processes_take_the_steps_that_one_would_take_with_both_batches(tmp_path, read_log):
    in_two_processes(tmp_path)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))
    optimiser = adamw(network.parameters(), 1e-2, 0.01)
    data = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(STEPS):
        network(data).square().mean().backward()
        step_optimiser(optimiser, network, 1e-2)
    tensors = load_file(tmp_path / "checkpoint.safetensors")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(tensors[f"network.{name}"], value, rtol=0, atol=1e-6)
    # One of them speaks for both.
    assert [line["world"] for line in read_log(tmp_path)] == [2]


def test_a_process_alone_is_its_own_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_group() == Group(rank=0, world=1)
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    average_gradients(layer, join_group())
    assert torch.equal(layer.weight.grad, before)
