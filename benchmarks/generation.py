"""How long a ten-second sound takes, and how much memory, with the embedded model.

    python benchmarks/generation.py [--runs 5]

Prints the machine, then medians with their spread: a warm call (the model loaded, one call made
before), a whole cold process (`auffusion generate`), its peak memory, `auffusion --help`, and the
shares of U-Net, VAE and vocoder in a warm call.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

PROMPT = "a dog barking"


def seconds(action: Callable[[], object], runs: int) -> str:
    """Median, minimum and maximum of several runs."""
    taken: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return f"{statistics.median(taken):.2f} s (of {runs}: {min(taken):.2f}-{max(taken):.2f})"


def command(*words: str) -> Callable[[], object]:
    """A whole process."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    arguments = [sys.executable, "-m", "auffusion.cli", *words]
    return lambda: subprocess.run(arguments, check=True, capture_output=True, env=environment)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, torch {torch.__version__}, Python {platform.python_version()}")
    print("auffusion --help:", seconds(command("--help"), runs))
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "dog.wav"))
        print(
            "cold process, 10.24 s at 25 steps:",
            seconds(command("generate", PROMPT, "-o", out), runs),
        )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MiB")

    from auffusion import AuffusionPipeline

    pipe = AuffusionPipeline.from_pretrained("embedded")
    pipe.set_progress_bar_config(disable=True)
    pipe(PROMPT, num_inference_steps=2)
    for length in (2.56, 5.12, 10.24, 20.48):
        print(
            f"warm, {length} s at 25 steps:",
            seconds(
                lambda n=length: pipe(PROMPT, num_inference_steps=25, audio_length_in_s=n), runs
            ),
        )
    latent = torch.as_tensor(pipe(PROMPT, num_inference_steps=2, output_type="latent").latents)
    print(
        "of that, VAE decoder and vocoder:",
        seconds(lambda: pipe.renderer.render(latent, 163_840, "np"), runs),
    )


if __name__ == "__main__":
    main()
