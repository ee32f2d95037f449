"""Do the trained weights that a package index has tell noise from sound?

White noise is added to clips of a prepared data set, from 60 dB below their level to as loud as
they are, and each set is compared with the clean one by `fd_aisfx` (Fréchet distance of the
embeddings of all blocks) and `kl_ucs79` (divergence of the 79-class head, paired). Both must rise
from step to step. Two halves of the clean blocks show how far mere chance brings the distance when
there are so few.

    pip install --no-deps aisfx==0.1.2
    python benchmarks/packaged_weights.py DATA [--clips 100] [--cache FOLDER]

DATA is what `auffusion data prepare` wrote.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from auffusion.data.prepared import PreparedData
from auffusion.evaluate.divergence import kl_divergence
from auffusion.evaluate.embedding import embed_sounds
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.extractors import load_extractor
from auffusion.evaluate.frechet import frechet_distance

RATE = 16_000
Samples = NDArray[np.float64]
SNRS_DB = (60, 50, 40, 30, 20, 10, 0)


def write_set(folder: Path, sounds: Sequence[Samples], snr_db: float | None) -> None:
    """Noise of its own seed for every clip; louder than full scale stays so, in float files."""
    folder.mkdir(parents=True)
    for number, sound in enumerate(sounds):
        noise = np.random.default_rng(number).standard_normal(len(sound))
        level = np.sqrt(np.mean(sound**2))
        noisy = sound if snr_db is None else sound + noise * level * 10 ** (-snr_db / 20)
        sf.write(folder / f"{number:04d}.wav", noisy.astype("f4"), RATE, subtype="FLOAT")


def embed(
    folder: Path, extractor: FeatureExtractor, cache: EmbeddingCache
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings of all blocks, and logits of all clips."""
    found = embed_sounds(sorted(folder.glob("*.wav")), [extractor], cache)
    return found.rows("aisfx", "embedding"), found.rows("aisfx", "logits_ucs79")


def main() -> None:
    """Print the table; leave with status 1 where it does not rise."""
    words = argparse.ArgumentParser()
    words.add_argument("data", type=Path)
    words.add_argument("--clips", type=int, default=100)
    words.add_argument("--cache", type=Path)
    given = words.parse_args()
    data = PreparedData(given.data)
    places = np.random.default_rng(0).permutation(len(data))[: given.clips]
    sounds = [data.samples(int(place)).astype(np.float64) for place in places]
    extractor = load_extractor("aisfx")
    with TemporaryDirectory() as work:
        cache = EmbeddingCache(given.cache or Path(work) / "cache")
        write_set(Path(work) / "clean", sounds, None)
        start = time.perf_counter()
        clean, logits = embed(Path(work) / "clean", extractor, cache)
        took = time.perf_counter() - start
        print(f"{len(sounds)} clips, {len(clean)} blocks, {took:.1f} s for the clean ones")
        halves = frechet_distance(clean[::2], clean[1::2])
        print(f"floor, two halves of the clean blocks: fd_aisfx {halves:.3f}")
        rows = []
        for snr_db in SNRS_DB:
            write_set(Path(work) / str(snr_db), sounds, snr_db)
            noisy, noisy_logits = embed(Path(work) / str(snr_db), extractor, cache)
            distance = frechet_distance(clean, noisy)
            divergence = float(kl_divergence(logits, noisy_logits).mean())
            rows.append((distance, divergence))
            print(
                f"{snr_db:3d} dB  fd_aisfx {distance:9.4f}  kl_ucs79 {divergence:7.4f}", flush=True
            )
    rising = all(a < c and b < d for (a, b), (c, d) in pairwise(rows))
    print("both rise with the noise" if rising else "NOT MONOTONIC")
    raise SystemExit(not rising)


if __name__ == "__main__":
    main()
