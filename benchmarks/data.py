"""What data preparation costs: sound per core-hour, cached latents, memory per million rows.

    python benchmarks/data.py [--minutes 60] [--runs 3]

Sound is real (the clips in tests/sounds, repeated to thirty seconds with a level of their own), in
the containers that data sets come in. Core time is what all processes together took, children
included, so that a busy machine changes it little. Prints the figures of docs/benchmarks.md and
docs/guides/scale.md.
"""

import argparse
import json
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

import numpy as np
import soundfile
import soxr
import torch

SOUNDS = sorted((Path(__file__).parents[1] / "tests/sounds").glob("*.flac"))
KINDS = {
    "WAV 44.1 kHz stereo": ("wav", 44_100, 2),
    "FLAC 32 kHz mono": ("flac", 32_000, 1),
    "OGG 44.1 kHz stereo": ("ogg", 44_100, 2),
    "MP3 44.1 kHz stereo": ("mp3", 44_100, 2),
}
CLIP_S = 30


def core_seconds() -> float:
    """Core time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def spread(values: list[float], form: str) -> str:
    """Median and range."""
    median, low, high = (form.format(f(values)) for f in (statistics.median, min, max))
    return f"{median} (of {len(values)}: {low} to {high})"


def write_corpus(folder: Path, kind: str, minutes: float) -> float:
    """Files of thirty seconds in one container; gives the hours of sound."""
    suffix, rate, channels = KINDS[kind]
    rng = np.random.default_rng(0)
    count = max(2, round(minutes * 60 / CLIP_S))
    for number in range(count):
        clip = SOUNDS[number % len(SOUNDS)]
        samples, own = soundfile.read(clip, dtype="float32")
        sound = soxr.resample(np.resize(samples, CLIP_S * own), own, rate) * rng.uniform(0.3, 0.9)
        soundfile.write(
            folder / f"{clip.stem}-{number:05d}.{suffix}",
            np.repeat(sound[:, None], channels, 1),
            rate,
        )
    return count * CLIP_S / 3600


def commands(*words: str) -> Callable[[], object]:
    """A whole process of the command line, on one worker."""
    arguments = [sys.executable, "-m", "auffusion.cli", "data", *words, "-w", "1"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return lambda: subprocess.run(arguments, check=True, capture_output=True, env=environment)


def speed_of_preparation(minutes: float, runs: int) -> None:
    """Real time of sound over core time, of preparing and of mel analysis, for each container."""
    for kind in KINDS:
        prepared, measured = [], []
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as place:
                source, out = Path(place, "source"), Path(place, "out")
                source.mkdir()
                hours = write_corpus(source, kind, minutes)
                before = core_seconds()
                commands("prepare", "folder", "-s", str(source), "-o", str(out))()
                middle = core_seconds()
                commands("statistics", str(out))()
                prepared.append(middle - before)
                measured.append(core_seconds() - middle)
        total = [3600 * hours / (a + b) for a, b in zip(prepared, measured, strict=True)]
        alone = [3600 * hours / a for a in prepared]
        print(
            f"{kind}: decode, resample, write shards {spread(alone, '{:.0f}')} times real time a "
            f"core; with mel analysis {spread(total, '{:.0f}')}"
        )


def latents(runs: int) -> None:
    """Reading a clip's cached latents beside computing them."""
    from auffusion.data.prepared import PreparedData
    from auffusion.train.latent_cache import LatentCache, LatentComputer, MakeLatentComputer

    with tempfile.TemporaryDirectory() as place:
        source, out, cache = (Path(place, name) for name in ("source", "out", "cache"))
        source.mkdir()
        write_corpus(source, "FLAC 32 kHz mono", 16)
        commands("prepare", "folder", "-s", str(source), "-o", str(out))()
        commands("cache", str(out), "-o", str(cache), "--what", "latents", "--device", "cpu")()
        torch.set_num_threads(1)
        computer = LatentComputer(MakeLatentComputer(data=out, model="embedded"))
        computer.compute([0])
        count = len(PreparedData(out))
        computed, read = [], []
        for _ in range(runs):
            began = time.perf_counter()
            for clip in range(8):
                computer.compute([clip])
            computed.append((time.perf_counter() - began) / 8)
            kept, rng = LatentCache(cache / "latents"), np.random.default_rng(0)
            began = time.perf_counter()
            for clip in range(count):
                kept.draw(clip, rng)
            read.append((time.perf_counter() - began) / count)
        ratio = [a / b for a, b in zip(computed, read, strict=True)]
        print(
            "latents of a ten-second crop, embedded model, one thread: computed "
            f"{spread([1e3 * s for s in computed], '{:.1f}')} ms, read from the cache "
            f"{spread([1e3 * s for s in read], '{:.2f}')} ms, {spread(ratio, '{:.0f}')} times"
        )
        size = sum(path.stat().st_size for path in (cache / "latents").iterdir()) / count
        shards = sum(path.stat().st_size for path in (out / "shards").iterdir()) / count
        print(f"bytes a clip: shard {shards:.0f} (30 s), latents {size:.0f} (one crop)")


ROWS = """
import json, sys, tempfile
from pathlib import Path
from auffusion.data.assembling import assemble
from auffusion.data.listing import Listed
from auffusion.data.prepared import PreparedData
from auffusion.data.units import deal
count = int(sys.argv[1])
def listing():
    for i in range(count):
        yield Listed(key=f"clip-{i}", file=Path(f"x/{i}.wav"), source=f"x/{i}.wav",
                     captions=(f"sound number {i} of a long list",), split="train")
with tempfile.TemporaryDirectory() as place:
    out = Path(place)
    for name in ("shards", "parts"):
        (out / name).mkdir()
    units = []
    with (out / "listed").open("w+b") as rejects:
        for unit in deal(listing(), 256, {}, rejects):
            units.append(unit.id)
            clips = [{"id": c.key, "dataset": "x", "path": f"shards/{unit.id}.tar", "offset": 512,
                      "size": 9, "captions": list(c.captions), "split": "train", "seconds": 10.0,
                      "source": c.source, "source_seconds": 10.0} for c in unit.payload.clips]
            (out / "shards" / f"{unit.id}.tar").write_bytes(b"")
            part = {"sha256": "", "size": 0, "clips": clips, "rejects": []}
            (out / "parts" / f"{unit.id}.json").write_text(json.dumps(part))
        assemble(out, units, rejects, {}, (0.0, 0.0))
    data = PreparedData(out)
    assert data.clip(count // 2).seconds == 10.0 and len(data) == count
# Not ru_maxrss, which a process inherits from the one that started it.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def memory() -> None:
    """Peak memory of listing, dealing, assembling and opening so many clips; no sound is read."""
    told = []
    for count in (1_000, 100_000, 1_000_000):
        done = subprocess.run(
            [sys.executable, "-c", ROWS, str(count)], check=True, capture_output=True, text=True
        )
        told.append(f"{count:,} clips {float(done.stdout):.0f} MiB")
    print("peak memory of listing, dealing, assembling and opening:", "; ".join(told))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="sound of each container")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    libraries = json.dumps({"libsndfile": soundfile.__libsndfile_version__})
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{libraries}, {given.minutes:g} minutes of sound in each container")
    speed_of_preparation(given.minutes, given.runs)
    latents(given.runs)
    memory()


if __name__ == "__main__":
    main()
