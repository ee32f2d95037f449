"""Kill -9 at twenty random points: a second run leaves what one run leaves, byte by byte."""

import hashlib
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

SOUNDS = sorted((Path(__file__).parents[1] / "sounds").glob("*.flac"))
KILLS = 20

# Loads once what takes seconds to load, and forks for every run.
CACHE_RUNS = """
import os, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from auffusion.executor import SerialExecutor
from auffusion.train.caching import compute_cache
from auffusion.train.latent_cache import MakeLatentComputer
from auffusion.train.text_cache import MakeTextComputer

def run(data, model, output):
    latents = MakeLatentComputer(data=data, model=model, crops=2, seed=3)
    compute_cache(latents, output / "latents", SerialExecutor(), block_clips=3)
    texts = MakeTextComputer(data=data, model=model)
    compute_cache(texts, output / "text", SerialExecutor(), block_clips=3)

print("ready", flush=True)
for line in sys.stdin:
    data, model, output, delay = line.split()
    child = os.fork()
    if not child:
        run(Path(data), model, Path(output))
        os._exit(0)
    end = time.monotonic() + float(delay)
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < end:
        time.sleep(0.001)
        ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print("killed" if not ended else "done" if status == 0 else "failed", flush=True)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Forty-eight sounds: the real ones at four levels."""
    folder = tmp_path_factory.mktemp("source")
    for path in SOUNDS:
        samples, rate = soundfile.read(path, dtype="float32")
        for level in (1.0, 0.7, 0.5, 0.3):
            longer = np.resize(samples, 3 * rate) * level
            soundfile.write(folder / f"{path.stem}-{level}.wav", longer, rate)
    return folder


def contents(folder):
    """SHA-256 of every file of a folder, by path; locks hold nothing."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".auffusion.lock"
    }


def preparation(source, output):
    command = [sys.executable, "-m", "auffusion.cli", "data", "prepare", "folder"]
    return [*command, "-s", str(source), "-o", str(output), "--shard-clips", "3", "-w", "2"]


@pytest.fixture(scope="module")
def prepared(source, tmp_path_factory):
    """(folder, seconds) of a preparation that nobody disturbed."""
    output = tmp_path_factory.mktemp("prepared") / "whole"
    began = time.monotonic()
    subprocess.run(preparation(source, output), check=True, capture_output=True)
    return output, time.monotonic() - began


def killed_run(command, delay, *, group):
    """Run a command and kill it; whether it was still running."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        # Now and then all processes at once, as when a machine goes down, else only the driver.
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
        process.wait()
        return True
    return False


def test_a_preparation_killed_at_random_points_ends_with_the_same_bytes(source, prepared, tmp_path):
    whole, seconds = prepared
    draw, killed = random.Random(0), 0
    for number in range(KILLS):
        output = tmp_path / str(number)
        delay = draw.uniform(0.2, 1.0) * seconds
        killed += killed_run(preparation(source, output), delay, group=number % 2)
        done = subprocess.run(
            preparation(source, output), check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert contents(output) == contents(whole), number
    assert killed >= KILLS // 2


def test_a_cache_killed_at_random_points_ends_with_the_same_bytes(prepared, tiny_model, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", CACHE_RUNS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def run(output, delay):
        process.stdin.write(f"{prepared[0]} {tiny_model} {output} {delay}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    with process:
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        assert run(tmp_path / "whole", 600) == "done"
        seconds = time.monotonic() - began
        draw, ends = random.Random(1), []
        for number in range(KILLS):
            output = tmp_path / str(number)
            ends.append(run(output, draw.uniform(0.1, 1.0) * seconds))
            assert run(output, 600) == "done"
            assert contents(output) == contents(tmp_path / "whole"), number
        process.stdin.close()
    assert ends.count("killed") >= KILLS // 2
    assert "failed" not in ends


@pytest.mark.slow
def test_ray_gives_the_bytes_that_local_processes_give(source, prepared, tiny_model, tmp_path):
    """A run that was killed on one may be finished on the other, too."""
    pytest.importorskip("ray", reason="make test-all installs Ray")
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
    }
    output = tmp_path / "ray"
    killed_run(preparation(source, output), prepared[1] / 2, group=False)
    caching = [sys.executable, "-m", "auffusion.cli", "data", "cache", str(prepared[0])]
    caching += ["-m", str(tiny_model), "--crops", "2", "--device", "cpu", "-w", "2"]
    for command in (
        [*preparation(source, output), "--executor", "ray"],
        [*caching, "-o", str(tmp_path / "one"), "--executor", "ray"],
        [*caching, "-o", str(tmp_path / "two"), "--executor", "local"],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
    assert contents(output) == contents(prepared[0])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
