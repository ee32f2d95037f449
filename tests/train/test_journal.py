"""The log of a run, and the curves beside it."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
from small_tasks import DenoisingSounds, log_of, settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from auffusion.errors import InputError
from auffusion.train.journal import Journal
from auffusion.train.loop import train


def begun(folder, tracker="none", *, size=0, step=0, speaks=True):
    journal = Journal(folder, tracker, speaks=speaks)
    journal.begin(size, step)
    return journal


def curves(folder):
    """The points that TensorBoard shows: name to [(step, value)]."""
    read = EventAccumulator(str(folder / "tensorboard"))
    read.Reload()
    return {
        name: [(event.step, event.value) for event in read.Scalars(name)]
        for name in read.Tags()["scalars"]
    } | {
        name: [(e.step, e.tensor_proto.float_val[0]) for e in read.Tensors(name)]
        for name in read.Tags()["tensors"]
    }


def test_a_step_is_a_line_and_what_is_no_number_is_null(tmp_path):
    journal = begun(tmp_path)
    journal.step(1, {"loss": 0.5, "norm": float("nan"), "rate": float("inf")})
    journal.step(2, {"loss": 0.25}, pace={"examples_per_s": 3.0}, left_out=["a", "b"])
    assert log_of(tmp_path) == [
        {"step": 1, "loss": 0.5, "norm": None, "rate": None},
        {"step": 2, "loss": 0.25, "left_out": ["a", "b"]},
    ]


def test_lines_behind_a_checkpoint_are_forgotten_half_ones_too(tmp_path):
    journal = begun(tmp_path)
    journal.step(1, {"loss": 1.0})
    size = journal.settle()
    journal.step(2, {"loss": 2.0})
    with journal.path.open("a") as log:
        log.write('{"step": 3, "lo')
    begun(tmp_path, size=size, step=1).step(2, {"loss": 2.5})
    assert [line["loss"] for line in log_of(tmp_path)] == [1.0, 2.5]


def test_only_the_process_that_speaks_writes(tmp_path):
    journal = begun(tmp_path, "tensorboard", speaks=False)
    journal.step(1, {"loss": 1.0})
    journal.close()
    assert [*tmp_path.iterdir()] == []


def test_tensorboard_has_the_losses_of_the_log_and_the_pace(tmp_path):
    train(DenoisingSounds(), settings(tracker="tensorboard"), tmp_path)
    shown, log = curves(tmp_path), log_of(tmp_path)
    assert set(shown) == {"loss", "norm", "rate", "examples_per_s", "flops"}
    for name in ("loss", "norm", "rate"):
        assert [step for step, _ in shown[name]] == [line["step"] for line in log]
        assert [v for _, v in shown[name]] == pytest.approx([line[name] for line in log])
    assert len(shown["examples_per_s"]) == 12


def test_after_a_kill_tensorboard_has_every_step_once(tmp_path):
    def kill(step, _values):
        if step == 8:
            raise KeyboardInterrupt

    loop = settings(tracker="tensorboard")
    with pytest.raises(KeyboardInterrupt):
        train(DenoisingSounds(), loop, tmp_path, on_step=kill)
    train(DenoisingSounds(), loop, tmp_path)
    assert [step for step, _ in curves(tmp_path)["loss"]] == [*range(1, 13)]


def test_a_step_that_was_left_out_is_no_point_of_the_curve(tmp_path):
    task = DenoisingSounds(spoilt={(2, 0): float("nan")})
    train(task, settings(tracker="tensorboard", steps=5), tmp_path)
    assert [step for step, _ in curves(tmp_path)["loss"]] == [1, 2, 4, 5]


def test_what_a_checkpoint_follows_is_on_the_disk_before_it(tmp_path):
    """A process that is killed afterwards has lost no point up to there."""
    journal = begun(tmp_path, "tensorboard")
    journal.step(1, {"loss": 1.0})
    journal.settle()
    assert curves(tmp_path)["loss"] == [(1, 1.0)]
    journal.close()


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_wandb_is_asked_for_only_when_wanted_and_missed_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match="pip install wandb"):
        train(DenoisingSounds(), settings(tracker="wandb"), tmp_path)
    assert not (tmp_path / "log.jsonl").exists()


WITHOUT_TENSORBOARD = """
import sys
from pathlib import Path
sys.modules["tensorboard"] = None
from importlib.util import find_spec
import importlib.util
importlib.util.find_spec = lambda name: None if name == "tensorboard" else find_spec(name)
from auffusion.errors import InputError
from auffusion.train.journal import Journal
Journal(Path(sys.argv[1]), "none", speaks=True)
Journal(Path(sys.argv[1]), "tensorboard", speaks=False)
try:
    Journal(Path(sys.argv[1]), "tensorboard", speaks=True)
except InputError as error:
    print(error)
assert "wandb" not in sys.modules
"""


def test_without_tensorboard_the_sentence_says_what_to_do(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORBOARD, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'auffusion[train]', or set loop.tracker to none" in done.stdout


FULL = """
import resource, sys
from pathlib import Path
from auffusion.errors import InputError
from auffusion.train.journal import Journal
journal = Journal(Path(sys.argv[1]), "none", speaks=True)
journal.begin(0, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    for step in range(100):
        journal.step(step, {"loss": 0.125})
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits are of Unix")
def test_a_log_that_cannot_grow_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "log.jsonl (File too large): make room" in done.stdout
    for line in (tmp_path / "log.jsonl").read_text().splitlines()[:-1]:
        json.loads(line)
