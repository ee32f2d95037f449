"""Several processes as one: torch's own gloo between real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from auffusion.train.parallel import Group, average_gradients, join_group

HERE = Path(__file__).parent

RUN = """
import atexit, os, sys

def see_that_threads_have_ended():
    # One that lives on now and then aborts the process.
    names = [open(f"/proc/self/task/{one}/comm").read() for one in os.listdir("/proc/self/task")]
    assert not [name for name in names if "gloo" in name], names

atexit.register(see_that_threads_have_ended)
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from small_tasks import train_here
from auffusion.errors import InputError
try:
    print(train_here(sys.argv[2], sys.argv[3]))
except InputError as error:
    sys.exit(f"sentence: {error}")
"""

# A parameter of which only one process's examples make use, and orders of memory that differ.
TALK = """
import os, sys
import torch
from torch import nn
from auffusion.errors import InputError
from auffusion.train.parallel import average_gradients, join_group

group = join_group()
rank = group.rank
layer, other = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
both = nn.ModuleList([layer, other, nn.Linear(1, 1)])
loss = layer(torch.full((1, 2), 1.0 + rank)).sum()
if rank:
    loss = loss + other(torch.ones(1, 2)).sum()
loss.backward()
average_gradients(both, group)
assert layer.weight.grad.tolist() == [[1.5, 1.5]]
assert other.weight.grad.tolist() == [[0.5, 0.5]]
assert both[2].weight.grad is None
assert group.mean({"a": 1.0 + rank, "b": 4.0}) == {"a": 1.5, "b": 4.0}
assert group.any(rank == 1) and not group.any(False)
assert group.told(7 - rank) == 7
picture = torch.arange(24.0).view(1, 2, 3, 4) * (1 - rank)
if rank:
    picture = picture.to(memory_format=torch.channels_last)
group.share([picture])
assert picture.flatten().tolist() == [*range(24)]

def fail():
    raise InputError("the disk is full")

assert group.first_does(lambda: 3) == (None if rank else 3)
try:
    group.first_does(fail)
except InputError as error:
    print(error)
"""


def started(code, *words, world=2):
    """Processes of a group, each knowing its rank as torchrun would tell it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ,
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            env={**common, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def ended(processes):
    """(status, stdout, stderr) of each."""
    told = [process.communicate(timeout=240) for process in processes]
    return [(process.returncode, *words) for process, words in zip(processes, told, strict=True)]


def trained(folder, world, **words):
    return ended(started(RUN, HERE, folder, json.dumps(words), world=world))


def last_state(folder):
    newest = (folder / "checkpoints/LATEST").read_text().strip()
    return load_file(folder / "checkpoints" / newest / "state.safetensors")


def losses(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return torch.tensor([json.loads(line)["loss"] for line in lines], dtype=torch.float64)


def assert_close(one, two):
    """Equal to a millionth, relative to the largest of each tensor."""
    assert one.keys() == two.keys()
    for name, value in one.items():
        error = (two[name].double() - value.double()).abs().max()
        assert error <= 1e-6 * max(1.0, float(value.abs().max())), name


def test_processes_average_agree_and_fail_together():
    first, second = ended(started(TALK))
    assert first == (0, "the disk is full\n", "")
    assert second == (0, "the run's first process cannot go on, and says why\n", "")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    (told,) = trained(folder, 1, loop={"steps": 12})
    assert told == (0, "finished\n", "")
    return folder


def test_two_processes_equal_one_with_the_same_global_batch(alone, tmp_path):
    told = trained(tmp_path, 2, loop={"steps": 12, "micro_batch": 1})
    assert told == [(0, "finished\n", "")] * 2
    torch.testing.assert_close(losses(tmp_path), losses(alone), rtol=1e-6, atol=0)
    assert_close(last_state(alone), last_state(tmp_path))
    assert_close(*(load_file(one / "model/weights.safetensors") for one in (alone, tmp_path)))


def test_a_run_goes_on_with_other_numbers_of_processes_and_says_so(alone, tmp_path):
    assert trained(tmp_path, 1, loop={"steps": 4})[0][0] == 0
    (status, _, said), other = trained(tmp_path, 2, loop={"steps": 8})
    assert (status, other) == (0, (0, "finished\n", ""))
    assert "goes on with 2 processes instead of 1: losses agree to rounding" in said
    ((status, _, said),) = trained(tmp_path, 1, loop={"steps": 12})
    assert status == 0
    assert "goes on with 1 processes instead of 2" in said
    torch.testing.assert_close(losses(tmp_path), losses(alone), rtol=1e-6, atol=0)
    assert_close(last_state(alone), last_state(tmp_path))


def test_a_signal_to_one_process_stops_all_at_the_same_step(tmp_path):
    words = {"pause": 0.05, "loop": {"steps": 100_000}}
    processes = started(RUN, HERE, tmp_path, json.dumps(words))
    while not (tmp_path / "log.jsonl").is_file():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    # Not the one that writes; and twice, as torchrun passes on what a cluster sent already.
    processes[1].send_signal(signal.SIGINT)
    processes[1].send_signal(signal.SIGTERM)
    first, second = ended(processes)
    assert first == (0, "stopped\n", "")
    assert second[:2] == (0, "stopped\n")
    assert second[2].count("the step is finished and saved") == 1
    steps = len(losses(tmp_path))
    assert (tmp_path / "checkpoints/LATEST").read_text() == f"step-{steps:08d}\n"


def test_what_the_first_process_cannot_write_ends_all_with_a_sentence(tmp_path):
    (tmp_path / "checkpoints").write_text("no folder")
    first, second = trained(tmp_path, 2, loop={"steps": 4})
    assert first[:2] == second[:2] == (1, "")
    assert first[2].startswith("sentence: cannot write ")
    assert second[2] == "sentence: the run's first process cannot go on, and says why\n"


@pytest.mark.slow
def test_control_c_under_torchrun_saves(tmp_path):
    """It has its processes in sessions of their own, and passes the signal on."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    words = {"pause": 0.1, "loop": {"steps": 100_000}}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = subprocess.Popen(
        [*command, str(script), str(HERE), str(tmp_path / "run"), json.dumps(words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not (tmp_path / "run/log.jsonl").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert out.count("stopped") == 2
    steps = len(losses(tmp_path / "run"))
    assert (tmp_path / "run/checkpoints/LATEST").read_text() == f"step-{steps:08d}\n"


def test_a_process_alone_is_its_own_group(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group = join_group()
    assert group == Group(rank=0, world=1)
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    average_gradients(layer, group)
    assert torch.equal(layer.weight.grad, before)
    assert (group.any(True), group.any(False), group.told(3)) == (True, False, 3)
