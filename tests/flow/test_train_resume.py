"""A training killed or stopped anywhere ends as one that nobody disturbed, byte by byte."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

HERE = Path(__file__).parent
SOUNDS = sorted((HERE.parent / "sounds").glob("*.flac"))
RUNS, KILLS, STEPS = 10, 3, 16

# Loads once what takes seconds to load, and forks for every run. A run is killed soon after its
# log has so many lines, or while it writes the next checkpoint.
TRAINING = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from small_tasks import new_network, spectrograms, train_here
spectrograms()
# Its first use imports what takes a second.
torch.optim.AdamW(new_network().parameters(), fused=True).zero_grad()

def is_writing(folder):
    return any((folder / "checkpoints").glob(".auffusion-*.tmp"))

def is_time(folder, moment, lines):
    log = folder / "log.jsonl"
    if lines and (not log.exists() or log.read_bytes().count(b"\\n") < lines):
        return False
    return moment == "line" or is_writing(folder)

def watched(child, folder, moment, lines, delay):
    if moment == "never":
        return "done" if os.waitpid(child, 0)[1] == 0 else "failed"
    while not is_time(folder, moment, lines):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return "done" if os.waitpid(child, 0)[1] == 0 else "failed"
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "inside" if is_writing(folder) else "killed"

print("ready", flush=True)
for line in sys.stdin:
    folder, moment, lines, delay, words = line.split(" ", 4)
    child = os.fork()
    if not child:
        train_here(folder, words)
        os._exit(0)
    print(watched(child, Path(folder), moment, int(lines), float(delay)), flush=True)
"""


def contents(folder):
    """SHA-256 of every file of a folder, by path; locks hold nothing."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".auffusion.lock"
    }


@pytest.fixture(scope="module")
def run():
    """Train in a process of its own: (folder, words, moment, lines, delay) to how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(HERE.parent / "train")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def one(folder, words, moment="never", lines=0, delay=0.0):
        process.stdin.write(f"{folder} {moment} {lines} {delay} {json.dumps(words)}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    with process:
        assert process.stdout.readline() == "ready\n"
        yield one
        process.stdin.close()


def test_a_run_killed_at_thirty_random_points_ends_with_the_same_bytes(run, tmp_path):
    """Dropout, batch norm, averages, pages of sounds and the exported model included."""
    loop = {"steps": STEPS, "save_every": 4, "listen_every": 8, "warmup": 5, "decay_from": 0.5}
    words = {"tricky": True, "ballast": 400_000, "loop": loop}
    kinds = ("plain", "adversarial")
    for kind in kinds:
        assert run(tmp_path / kind, {**words, "kind": kind}) == "done"
    whole = {kind: contents(tmp_path / kind) for kind in kinds}
    draw, ends = random.Random(0), []
    for number in range(RUNS):
        folder, kind = tmp_path / str(number), kinds[number % 2]
        for kill in range(KILLS):
            moment = ("line", "writing")[(number + kill) % 2]
            lines, delay = draw.randrange(STEPS - 2), draw.uniform(0.0, 0.01)
            ends.append(run(folder, {**words, "kind": kind}, moment, lines, delay))
        assert run(folder, {**words, "kind": kind}) == "done"
        log = (tmp_path / kind / "log.jsonl").read_text()
        assert (folder / "log.jsonl").read_text() == log
        assert len(log.splitlines()) == STEPS
        assert contents(folder) == whole[kind], number
    # Few ended before the kill came, and many were in the middle of a checkpoint.
    assert set(ends) <= {"killed", "inside", "done"}
    assert ends.count("done") <= RUNS // 5
    assert ends.count("inside") >= RUNS // 2
    state = load_file(tmp_path / f"plain/checkpoints/step-{STEPS:08d}/state.safetensors")
    assert sum(tensor.nbytes for tensor in state.values()) > 6e6


def training(folder, words):
    """The same, as a process that can be sent signals."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from small_tasks import train_here; "
    code += "print(train_here(sys.argv[2], sys.argv[3]))"
    command = [sys.executable, "-c", code, str(HERE.parent / "train"), str(folder)]
    return subprocess.Popen(
        [*command, json.dumps(words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_lines(process, folder, lines):
    """Wait until the log has so many."""
    while not (folder / "log.jsonl").is_file() or (
        (folder / "log.jsonl").read_text().count("\n") < lines
    ):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_a_second_signal_leaves_at_once(tmp_path):
    process = training(tmp_path, {"pause": 600, "loop": {"steps": 4}})
    wait_for_lines(process, tmp_path, 1)
    process.send_signal(signal.SIGTERM)
    assert "the step is finished and saved" in process.stderr.readline()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    # The step was not over, and nothing was saved; the next run begins again.
    assert not [*(tmp_path / "checkpoints").glob("step-*")]
    process = training(tmp_path, {"loop": {"steps": 4}})
    assert process.communicate(timeout=120)[0] == "finished\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The real sounds, as `auffusion data prepare` leaves them."""
    output = tmp_path_factory.mktemp("prepared") / "sounds"
    command = [sys.executable, "-m", "auffusion.cli", "data", "prepare", "folder"]
    command += ["-s", str(SOUNDS[0].parent), "-o", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    return output


@pytest.fixture
def diffusion(prepared, tiny_model, tmp_path):
    """`auffusion train diffusion` as a process: number of steps to what was started."""

    def start(steps):
        changes = {
            "data.folder": prepared,
            "model.base": tiny_model,
            "loop.steps": steps,
            "loop.batch": 2,
            "loop.tracker": "none",
            "loop.threads": 1,
            "listening.steps": 1,
            "listening.prompts": '["a bell"]',
        }
        command = [sys.executable, "-m", "auffusion.cli", "train", "diffusion", "--device", "cpu"]
        command += ["-o", str(tmp_path / "run")]
        for name, value in changes.items():
            command += ["--set", f"{name}={value}"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_the_command_finishes_its_step_saves_and_leaves_with_75(diffusion, tmp_path, name):
    process = diffusion(100_000)
    wait_for_lines(process, tmp_path / "run", 2)
    process.send_signal(getattr(signal, name))
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (75, ""), errors
    assert f"{name}: the step is finished and saved" in errors
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    saved = [path.name for path in (tmp_path / "run/checkpoints").glob("step-*")]
    assert saved == [f"step-{log[-1]['step']:08d}"]
    assert not (tmp_path / "run/model").exists()
    if name != "SIGTERM":
        return
    # The same command goes on; asked for no more than it has, it is done.
    process = diffusion(log[-1]["step"] + 1)
    out, errors = process.communicate(timeout=240)
    assert (process.returncode, out) == (0, f"{tmp_path / 'run/model'}\n"), errors
    longer = (tmp_path / "run/log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in longer[:-1]] == log
