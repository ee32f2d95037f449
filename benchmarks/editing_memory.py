"""Time and memory of a word swap at Stable Diffusion's size, beside explicit attention everywhere.

    python benchmarks/editing_memory.py [--small] [--steps 10] [--threads N]

The U-Net of Stable Diffusion 1.5 with random weights in float32 on the CPU, latents of 32x128 (the
paper's 10.24 s), a source and one edit under guidance 7.5 (a batch of four), PNDM: one call more
than steps. Both swap words (windows 0.8 and 0.4) and blend locally by the grid of 8 rows:

- `ours`: explicit maps only where something is edited or looked at; for blending, the chosen words'
  maps summed over heads and layers are kept;
- `explicit`: the published way (`benchmarks/explicit_attention.py`): every layer explicit for the
  whole batch, all maps of at most 1024 places kept.

Each runs in a process of its own, one after the other; told are the seconds of the walk, by the
clock and of the processor, which other processes beside do not falsify, the peak resident size of
the process, what of it came after the weights were there, and the maps kept at the end. The latents
of both must agree, which is checked. `--small` rehearses on a small network.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from explicit_attention import Controller, blended, install
from safetensors.torch import load_file, save_file
from torch import Tensor

from auffusion.attention import Controllers, controlled
from auffusion.denoise import (
    ClassifierFreeGuidance,
    SeededScheduler,
    StepHook,
    denoise,
    item_generators,
    make_scheduler,
    seeded_noise,
    unet_call,
)
from auffusion.edit.local_blend import LocalBlend
from auffusion.edit.word_swap import WordSwap
from auffusion.pipeline import tiny_pipeline
from auffusion.text import TextEncoder, align_prompts, word_rows

PROMPTS = ["a dog barking in a hall", "a bird singing in a hall"]
WORDS = ["dog", "bird"]
CROSS, OWN, SCALE = 0.8, 0.4, 7.5
WAYS = ("ours", "explicit")


@dataclass(frozen=True)
class Size:
    """A network and a latent."""

    unet: dict[str, Any]
    latent: tuple[int, int, int]
    features: int


FULL = Size({"cross_attention_dim": 768}, (4, 32, 128), 768)
SMALL = Size(
    {
        "cross_attention_dim": 32,
        "block_out_channels": (32, 64, 64, 64),
        "norm_num_groups": 8,
        "attention_head_dim": 8,
    },
    (4, 32, 64),
    32,
)


@dataclass(frozen=True)
class Measured:
    """What a process tells."""

    way: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    above_weights_mb: float
    kept_mb: float


def peak_mb() -> float:
    """The largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def blend_rows(text: TextEncoder) -> Tensor:
    """The rows of the words that are blended around."""
    return torch.stack([word_rows(text, p, w) for p, w in zip(PROMPTS, WORDS, strict=True)])


def walked(unet: Any, size: Size, steps: int, on_step: StepHook) -> Tensor:  # noqa: ANN401
    """The latents of the source and its edit."""
    config = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    walk = SeededScheduler.prepared(make_scheduler("pndm", config), steps, item_generators([0, 0]))
    text = torch.randn(2, 77, size.features, generator=torch.Generator().manual_seed(1))
    guided = ClassifierFreeGuidance(unet_call(unet), text, torch.zeros_like(text), SCALE)
    return denoise(guided, walk, seeded_noise([0, 0], size.latent), on_step=on_step)


def ours(unet: Any, text: TextEncoder, size: Size, steps: int) -> tuple[Tensor, int]:  # noqa: ANN401
    """Our latents, and the bytes of the maps that were kept."""
    blend = LocalBlend(blend_rows(text), heights=(8,))
    both = Controllers(
        [WordSwap(text, PROMPTS, cross_replace_steps=CROSS, self_replace_steps=OWN), blend]
    )
    both.begin(steps)
    with controlled(unet, both, len(PROMPTS)):
        latent = walked(unet, size, steps, both.on_step)
    return latent, sum(kept.nbytes for call in blend.kept for kept in call.values())


def explicit(unet: Any, text: TextEncoder, size: Size, steps: int) -> tuple[Tensor, int]:  # noqa: ANN401
    """The published way's latents, and the bytes of the maps that were kept."""
    moved = align_prompts(text, *PROMPTS).moved[None]
    controller = Controller(
        len(PROMPTS), steps, cross=CROSS, own=OWN, moved=moved, factors=torch.ones(1, 77)
    )
    rows = blend_rows(text).float()

    def hook(index: int, timestep: Tensor, latent: Tensor) -> Tensor:  # noqa: ARG001
        return blended(latent, controller, rows, height=8)

    restore = install(unet, controller)
    latent = walked(unet, size, steps, hook)
    restore()
    return latent, controller.bytes_kept


def measure(way: str, size: Size, steps: int, latents: Path) -> Measured:
    """Run one way in this process."""
    text = tiny_pipeline().text
    torch.manual_seed(0)
    unet: Any = UNet2DConditionModel(**size.unet).eval()
    before, began, cpu = peak_mb(), time.perf_counter(), time.process_time()
    run = {"ours": ours, "explicit": explicit}[way]
    latent, kept = run(unet, text, size, steps)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    save_file({"latent": latent}, latents)
    return Measured(way, seconds, cpu, peak_mb(), peak_mb() - before, kept / 2**20)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--latents", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size = SMALL if given.small else FULL
    if given.way:
        print(json.dumps(asdict(measure(given.way, size, given.steps, given.latents))))
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {way: Path(folder) / f"{way}.safetensors" for way in WAYS}
        rows = [in_a_process(way, sys.argv[1:], path) for way, path in paths.items()]
        latents = [load_file(path)["latent"] for path in paths.values()]
    apart = float((latents[0] - latents[1]).abs().max() / latents[1].abs().max())
    print(f"{given.steps} steps, {given.threads} threads, latents {list(size.latent)}")
    print(f"the latents differ by {apart:.1e} of their largest value")
    print("| | seconds | of CPU | peak, MB | above the weights, MB | maps kept, MB |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.way} | {row.seconds:.1f} | {row.cpu_seconds:.1f} | {row.peak_mb:.0f} | "
            f"{row.above_weights_mb:.0f} | {row.kept_mb:.4f} |"
        )
    us, them = rows
    print(
        f"{them.seconds / us.seconds:.2f} times faster, by CPU time "
        f"{them.cpu_seconds / us.cpu_seconds:.2f} times, "
        f"{them.above_weights_mb / us.above_weights_mb:.1f} times less memory above the weights, "
        f"{them.kept_mb / us.kept_mb:.0f} times less for maps"
    )
    if apart > 1e-3:
        raise SystemExit("the two ways do not agree")


def in_a_process(way: str, words: list[str], latents: Path) -> Measured:
    """One way in a process of its own."""
    command = [sys.executable, __file__, *words, "--way", way, "--latents", str(latents)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
