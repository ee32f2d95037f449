"""Samples a second of our training loop beside reference loops.

    python benchmarks/training.py [--steps 12] [--runs 3] [--only tiny,mid,quarter,embedded,vocoder]
    python benchmarks/training.py --device cuda --precision bfloat16 --batch 16 --only full

Diffusion: the reference is the loop of diffusers' `train_text_to_image.py` (0.42), written down
without its command line: per step it encodes the pictures with the VAE and the captions with the
text encoder, draws noise and timesteps, and takes an AdamW step with clipping. Ours is measured
with caches and without. The models are a tiny one; a U-Net at a quarter of Stable Diffusion 1.5's
widths and length behind its own VAE and text encoder, as small U-Nets of the hub have it; the same
with VAE and text encoder at a quarter too, so that each has its share of the full model's work; the
embedded one, whose VAE is a fraction of a usual one's work; and on a GPU one of full size.

Vocoder: the reference is the loop of HiFi-GAN's paper: discriminators first, then the generator,
each judging anew.

All train the same networks on the same prepared clips with the same batch, precision, number of
threads and weights, turn by turn in one run; the references have no average of the weights and so
has ours none here. What is compared is the median of the steps after the first ones.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from auffusion.config import read_config
from auffusion.data.drawing import canvas
from auffusion.data.preparation import Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.folder import FOLDER
from auffusion.executor import SerialExecutor
from auffusion.mel import MelSpectrogram, normalise_peak
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.pipeline.components import HifiGanVocoder
from auffusion.train.caching import compute_cache
from auffusion.train.diffusion_run import DiffusionConfig, diffusion_task
from auffusion.train.latent_cache import MakeLatentComputer
from auffusion.train.loop import train
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.segments import random_segment
from auffusion.train.starting_model import StartingModel, load_starting_model, training_scheduler
from auffusion.train.task import Task
from auffusion.train.text_cache import MakeTextComputer
from auffusion.train.vocoder_run import StartingVocoder, VocoderConfig, vocoder_task
from auffusion.vocoder import (
    DiscriminatorConfig,
    Discriminators,
    HifiGan,
    HifiGanConfig,
    add_weight_norm,
)
from auffusion.vocoder.losses import discriminator_loss, feature_loss, generator_loss

SOUNDS = sorted((Path(__file__).parents[1] / "tests/sounds").glob("*.flac"))
SKIPPED = 3


def write_data(folder: Path) -> Path:
    """Twelve real clips of ten seconds, prepared."""
    (folder / "source").mkdir()
    for path in SOUNDS:
        samples, rate = soundfile.read(path, dtype="float32")
        soundfile.write(folder / f"source/{path.stem}.wav", np.resize(samples, 10 * rate), rate)
    job = Preparation(data_set=FOLDER, source=folder / "source", output=folder / "data")
    job.run(SerialExecutor())
    return folder / "data"


@dataclass(frozen=True)
class Place:
    """Where and how all are trained."""

    device: str
    precision: str
    batch: int

    def casting(self) -> AbstractContextManager[Any]:
        """What a mixed-precision loop computes under."""
        wanted = self.precision != "float32"
        return torch.autocast(self.device, getattr(torch, self.precision), enabled=wanted)

    def wait(self) -> None:
        """Until the device has done what it was told."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def reference(data: Path, base: str, steps: int, place: Place) -> list[float]:
    """Seconds of each step of diffusers' loop."""
    prepared, model = PreparedData(data), load_starting_model(StartingModel(base=base), 0, "cpu")
    parts: dict[str, Any] = model.components
    unet, vae, encoder = (parts[name].to(place.device) for name in ("unet", "vae", "text_encoder"))
    if parts["condition_adapter"] is not None:
        parts["condition_adapter"].to(place.device)
    scheduler, mel = training_scheduler(model), MelSpectrogram(model.mel).to(place.device)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=1e-5)
    rng, width = np.random.default_rng(0), model.canvas.samples(None)
    taken: list[float] = []
    for _ in range(steps):
        began = time.perf_counter()
        clips = [int(i) for i in rng.integers(len(prepared), size=place.batch)]
        sounds = np.stack([canvas(prepared.samples(i), rng, width=width) for i in clips])
        waveforms = torch.from_numpy(sounds).to(place.device)
        pictures = model.image_codec.encode(mel(normalise_peak(waveforms)))
        with torch.no_grad(), place.casting():
            latents = vae.encode(2 * pictures - 1).latent_dist.sample()
            latents = latents * model.latent_codec.scaling_factor
            tokens = parts["tokenizer"](
                [prepared.clip(i).captions[0] for i in clips],
                padding="max_length",
                truncation=True,
                max_length=int(model.config["text_max_length"]),
                return_tensors="pt",
            )
            rows = encoder(tokens.input_ids.to(place.device)).last_hidden_state
            if parts["condition_adapter"] is not None:
                rows = parts["condition_adapter"](rows)
        noise = torch.randn_like(latents)
        timesteps = torch.randint(
            0, scheduler.config.num_train_timesteps, (place.batch,), device=place.device
        )
        noisy = scheduler.add_noise(latents, noise, timesteps)
        with place.casting():
            predicted = unet(noisy, timesteps, rows, return_dict=False)[0]
        F.mse_loss(predicted.float(), noise.float(), reduction="mean").backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        place.wait()
        taken.append(time.perf_counter() - began)
    return taken


def ours(
    data: Path, base: str, steps: int, folder: Path, caches: Path | None, place: Place
) -> list[float]:
    """Seconds of each step of our loop."""
    changes = [f"data.folder={data}", f"model.base={base}", *_loop_settings(steps, 1e-5, place)]
    # diffusers' example needs no checkpointing either where the memory is there.
    changes += ["model.gradient_checkpointing=false"]
    if caches is not None:
        changes += [f"data.latents={caches / 'latents'}", f"data.text={caches / 'text'}"]
    config = read_config(DiffusionConfig, None, changes)
    return timed(diffusion_task(config, folder, place.device), config.loop, folder, steps)


def _loop_settings(steps: int, rate: float, place: Place) -> list[str]:
    return [
        f"loop.steps={steps}",
        f"loop.batch={place.batch}",
        f"loop.precision={place.precision}",
        f"loop.learning_rate={rate}",
        f"loop.save_every={steps + 1}",
        "loop.average_decay=0",
        "loop.tracker=none",
    ]


def timed(task: Task, settings: LoopSettings, folder: Path, steps: int) -> list[float]:
    """Seconds of each step of a task in our loop."""
    times = [time.perf_counter()]
    told: dict[str, float] = {}
    with suppress(_EnoughError):
        train(task, settings, folder, on_step=_until(times, steps, told))
    if "mfu" in told:
        print(f"MFU of the last step {told['mfu']:.1%}, {told['flops'] / 1e12:.1f} TFLOP/s")
    return [b - a for a, b in pairwise(times)]


class _EnoughError(Exception):
    """All steps were timed; the export is not."""


def _until(times: list[float], steps: int, told: dict[str, float]) -> Callable[..., None]:
    def tell(_: int, values: Mapping[str, float]) -> None:
        times.append(time.perf_counter())
        told.update(values)
        if len(times) > steps:
            raise _EnoughError

    return tell


def write_model(folder: Path, part: int, frozen: int | None = None) -> Path:
    """Stable Diffusion 1.5's proportions, all widths divided by `part`; random weights.

    The canvas is as many times shorter: attention grows with the square of its length, convolutions
    with the square of the widths, and so each keeps its share of the work. `frozen` divides those
    of VAE and text encoder where it is another number.
    """
    frozen = frozen or part
    tiny: Any = tiny_pipeline(layout="stable-diffusion")
    vae: Any = AutoencoderKL
    parts = {
        "vae": vae(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128 // frozen, 256 // frozen, 512 // frozen, 512 // frozen),
            layers_per_block=2,
            latent_channels=4,
        ),
        "unet": UNet2DConditionModel(
            sample_size=(32, 128 // part),
            block_out_channels=(320 // part, 640 // part, 1280 // part, 1280 // part),
            norm_num_groups=32 // (part // 2 or 1),
            cross_attention_dim=768 // frozen,
            # Heads of 40 features and more, as Stable Diffusion has them; so fewer of them.
            attention_head_dim=max(1, 8 // part),
        ),
        "text_encoder": CLIPTextModel(
            CLIPTextConfig(
                vocab_size=49408,
                hidden_size=768 // frozen,
                intermediate_size=3072 // frozen,
                num_hidden_layers=12,
                num_attention_heads=12,
                eos_token_id=tiny.tokenizer.eos_token_id,
            )
        ),
        "vocoder": HifiGanVocoder(upsample_initial_channel=64),
    }
    kept = {"tokenizer": tiny.tokenizer, "scheduler": tiny.scheduler}
    AuffusionPipeline(
        **parts, **kept, text_convention="stable-diffusion", canvas_frames=1024 // part
    ).save_pretrained(folder)
    return folder


def models(folder: Path, wanted: set[str]) -> dict[str, str]:
    """The models, by what they are."""
    found: dict[str, str] = {}
    if "tiny" in wanted:
        tiny_pipeline(seed=0).save_pretrained(folder / "tiny")
        found["tiny"] = str(folder / "tiny")
    if "mid" in wanted:
        found["mid-size U-Net, 57 M"] = str(write_model(folder / "mid", 4, 1))
    if "quarter" in wanted:
        found["all at a quarter, 54 M"] = str(write_model(folder / "quarter", 4))
    if "full" in wanted:
        found["full size, 860 M"] = str(write_model(folder / "full", 1))
    if "embedded" in wanted:
        found["embedded, 22 M"] = "embedded"
    return found


VOCODER = HifiGanConfig(upsample_initial_channel=128)
JUDGES = DiscriminatorConfig(
    period_channels=(16, 32, 128, 256, 256), scale_channels=(32, 32, 64, 128, 256, 256, 256)
)
FRAMES = 51


def reference_vocoder(data: Path, steps: int, place: Place) -> list[float]:
    """Seconds of each step of HiFi-GAN's own loop."""
    prepared, mel, rng = PreparedData(data), MelSpectrogram(), np.random.default_rng(0)
    generator, judges = HifiGan(VOCODER), Discriminators(JUDGES)
    add_weight_norm(generator)
    options: Any = {"lr": 2e-4, "betas": (0.8, 0.99)}
    first = torch.optim.AdamW(generator.parameters(), **options)
    second = torch.optim.AdamW(judges.parameters(), **options)
    taken: list[float] = []
    for _ in range(steps):
        began = time.perf_counter()
        clips = rng.integers(len(prepared), size=place.batch)
        pieces = [random_segment(prepared.samples(int(i)), FRAMES * 160, rng) for i in clips]
        target = torch.from_numpy(np.stack(pieces))
        shown = mel(target)
        made = generator(shown)
        second.zero_grad()
        discriminator_loss(judges(target), judges(made.detach())).backward()
        second.step()
        first.zero_grad()
        real, judged = judges(target), judges(made)
        loss = 45 * (mel(made) - mel(target)).abs().mean()
        (loss + generator_loss(judged) + 2 * feature_loss(real, judged)).backward()
        first.step()
        taken.append(time.perf_counter() - began)
    return taken


def our_vocoder(data: Path, steps: int, folder: Path, place: Place) -> list[float]:
    """Seconds of each step of our loop."""
    changes = [f"data.folder={data}", f"frames={FRAMES}", "listening.split=train"]
    changes += _loop_settings(steps, 2e-4, place)
    config = replace(
        read_config(VocoderConfig, None, changes),
        generator=StartingVocoder(hifigan=VOCODER),
        discriminators=JUDGES,
    )
    return timed(vocoder_task(config, folder, "cpu"), config.loop, folder, steps)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="tiny,mid,quarter,embedded,vocoder")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--batch", type=int, default=4)
    given = parser.parse_args()
    wanted = set(given.only.split(","))
    on = Place(given.device, given.precision, given.batch)
    torch.set_num_threads(1)
    where = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    if on.device == "cuda":
        where = torch.cuda.get_device_name()
    print(
        f"{where}, torch {torch.__version__}, {on.precision}, batch {on.batch}, "
        f"medians of {given.steps - SKIPPED} steps, {given.runs} turns"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = write_data(folder)
        for name, base in models(folder, wanted).items():
            compare_diffusion(name, base, data, folder, given, on)
        if "vocoder" in wanted:
            runs = {
                "reference": lambda _: reference_vocoder(data, given.steps, on),
                "ours": lambda turn: our_vocoder(data, given.steps, folder / f"voc/{turn}", on),
            }
            compare("vocoder, HiFi-GAN at a quarter of its widths", runs, given.runs, on.batch)


def compare_diffusion(
    name: str, base: str, data: Path, folder: Path, given: argparse.Namespace, on: Place
) -> None:
    """One model's figures."""
    kind, steps = name.split(",")[0], given.steps
    caches = folder / "caches" / kind
    for job, place in ((MakeLatentComputer, "latents"), (MakeTextComputer, "text")):
        made = job(data=data, model=base, device=on.device)
        compute_cache(made, caches / place, SerialExecutor())
    place = folder / "runs" / kind
    compare(
        name,
        {
            "diffusers": lambda _: reference(data, base, steps, on),
            "ours, live": lambda turn: ours(data, base, steps, place / f"live{turn}", None, on),
            "ours, caches": lambda turn: ours(
                data, base, steps, place / f"cache{turn}", caches, on
            ),
        },
        given.runs,
        on.batch,
    )


def compare(
    name: str, kinds: dict[str, Callable[[int], list[float]]], runs: int, batch: int
) -> None:
    """Samples a second of each kind, turn by turn, and how many times the first one's."""
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(runs):
        for kind, run in kinds.items():
            found[kind].append(batch / statistics.median(run(turn)[SKIPPED:]))
    first = next(iter(found.values()))
    for kind, speeds in found.items():
        ratios = [a / b for a, b in zip(speeds, first, strict=True)]
        print(
            f"{name}, {kind}: {statistics.median(speeds):.2f} samples/s, "
            f"{statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
