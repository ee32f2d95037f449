"""Samples a second of our diffusion loop beside the one of diffusers' training example.

    python benchmarks/training.py [--steps 30] [--runs 3]

The reference is the loop of diffusers' `train_text_to_image.py` (0.42), written down without its
command line: per step it encodes the pictures with the VAE and the captions with the text encoder,
draws noise and timesteps, and takes an AdamW step with clipping. Ours is measured with caches and
without. All train the same U-Nets on the same prepared clips with the same batch, precision, number
of threads and weights, turn by turn in one run; the reference has no average of the weights and so
has ours none here. What is compared is the median of the steps after the first ones.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F

from auffusion.data.drawing import canvas
from auffusion.data.preparation import Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.folder import FOLDER
from auffusion.executor import SerialExecutor
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import tiny_pipeline
from auffusion.train.caching import compute_cache
from auffusion.train.config import read_config
from auffusion.train.diffusion_run import DiffusionConfig, diffusion_task
from auffusion.train.latent_cache import MakeLatentComputer
from auffusion.train.loop import train
from auffusion.train.starting_model import StartingModel, load_starting_model, training_scheduler
from auffusion.train.text_cache import MakeTextComputer

SOUNDS = sorted((Path(__file__).parents[1] / "tests/sounds").glob("*.flac"))
SKIPPED = 3
BATCH = 4


def write_data(folder: Path) -> Path:
    """Twelve real clips of ten seconds, prepared."""
    (folder / "source").mkdir()
    for path in SOUNDS:
        samples, rate = soundfile.read(path, dtype="float32")
        soundfile.write(folder / f"source/{path.stem}.wav", np.resize(samples, 10 * rate), rate)
    job = Preparation(data_set=FOLDER, source=folder / "source", output=folder / "data")
    job.run(SerialExecutor())
    return folder / "data"


def reference(data: Path, base: str, steps: int) -> list[float]:
    """Seconds of each step of diffusers' loop."""
    prepared, model = PreparedData(data), load_starting_model(StartingModel(base=base), 0, "cpu")
    parts: dict[str, Any] = model.components
    unet, vae, encoder = parts["unet"], parts["vae"], parts["text_encoder"]
    scheduler, mel = training_scheduler(model), MelSpectrogram(model.mel)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=1e-5)
    rng, width = np.random.default_rng(0), model.canvas.samples(None)
    taken: list[float] = []
    for _ in range(steps):
        began = time.perf_counter()
        clips = [int(i) for i in rng.integers(len(prepared), size=BATCH)]
        sounds = np.stack([canvas(prepared.samples(i), rng, width=width) for i in clips])
        pictures = model.image_codec.encode(mel(normalise_peak(torch.from_numpy(sounds))))
        with torch.no_grad():
            latents = vae.encode(2 * pictures - 1).latent_dist.sample()
            latents = latents * model.latent_codec.scaling_factor
            tokens = parts["tokenizer"](
                [prepared.clip(i).captions[0] for i in clips],
                padding="max_length",
                truncation=True,
                max_length=int(model.config["text_max_length"]),
                return_tensors="pt",
            )
            rows = encoder(tokens.input_ids).last_hidden_state
        if parts["condition_adapter"] is not None:
            rows = parts["condition_adapter"](rows)
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (BATCH,))
        noisy = scheduler.add_noise(latents, noise, timesteps)
        predicted = unet(noisy, timesteps, rows.detach(), return_dict=False)[0]
        F.mse_loss(predicted.float(), noise, reduction="mean").backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        taken.append(time.perf_counter() - began)
    return taken


def ours(data: Path, base: str, steps: int, folder: Path, caches: Path | None) -> list[float]:
    """Seconds of each step of our loop."""
    changes = [f"data.folder={data}", f"model.base={base}", f"loop.steps={steps}"]
    changes += [f"loop.batch={BATCH}", "loop.average_decay=0", "loop.tracker=none"]
    changes += ["loop.learning_rate=1e-5", f"loop.save_every={steps + 1}"]
    if caches is not None:
        changes += [f"data.latents={caches / 'latents'}", f"data.text={caches / 'text'}"]
    config = read_config(DiffusionConfig, None, changes)
    task = diffusion_task(config, folder, "cpu")
    times = [time.perf_counter()]
    with suppress(_EnoughError):
        train(task, config.loop, folder, on_step=_until(times, steps))
    return [b - a for a, b in pairwise(times)]


class _EnoughError(Exception):
    """All steps were timed; the export is not."""


def _until(times: list[float], steps: int) -> Callable[..., None]:
    def tell(*_: object) -> None:
        times.append(time.perf_counter())
        if len(times) > steps:
            raise _EnoughError

    return tell


def models(folder: Path) -> dict[str, str]:
    """A tiny and a mid-size model, by what they are."""
    tiny_pipeline(seed=0).save_pretrained(folder / "tiny")
    return {"tiny (AutoencoderKL, CLIP)": str(folder / "tiny"), "embedded, 22 M": "embedded"}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, one thread, torch {torch.__version__}, "
        f"float32, batch {BATCH}, medians of {given.steps - SKIPPED} steps, {given.runs} turns"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = write_data(folder)
        for name, base in models(folder).items():
            caches = folder / "caches" / name.split()[0]
            compute_cache(
                MakeLatentComputer(data=data, model=base), caches / "latents", SerialExecutor()
            )
            compute_cache(
                MakeTextComputer(data=data, model=base), caches / "text", SerialExecutor()
            )
            compare(name, base, data, caches, folder, given.steps, given.runs)


def compare(
    name: str, base: str, data: Path, caches: Path, folder: Path, steps: int, runs: int
) -> None:
    """One model's figures, turn by turn."""
    found: dict[str, list[float]] = {"diffusers": [], "ours, live": [], "ours, caches": []}
    for turn in range(runs):
        run = folder / f"runs/{name.split()[0]}/{turn}"
        times = {
            "diffusers": reference(data, base, steps),
            "ours, live": ours(data, base, steps, run / "live", None),
            "ours, caches": ours(data, base, steps, run / "caches", caches),
        }
        for kind, taken in times.items():
            found[kind].append(BATCH / statistics.median(taken[SKIPPED:]))
    for kind, speeds in found.items():
        ratios = [a / b for a, b in zip(speeds, found["diffusers"], strict=True)]
        print(
            f"{name}, {kind}: {statistics.median(speeds):.2f} samples/s, "
            f"{statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
