"""How long does it take to measure a folder, beside the procedure that the field uses?

The other side is a port of audioldm_eval's procedure, written from its description
(https://github.com/haoheliu/audioldm_eval at 8dc07ee, backbone cnn14): every file is decoded once
for Cnn14 and again for VGGish, all sounds are kept in memory for VGGish, clips go through the
networks one at a time, VGGish with gradients recorded, and the Fréchet distances take the matrix
root of scipy. Networks, random weights, clips and threads are the same on both sides, and so must
be the scores; FD and FAD differ by the error of scipy's root, which a rank of fewer clips than
features makes large.

Ours is measured with the networks loaded and without any features kept (everything is computed),
and again with all features kept. The last figure is what a second look at the same folders costs.

    python benchmarks/evaluation.py [--clips 100] [--seconds 10] [--threads 2] [--device cpu]
        [--no-root]

`--no-root` leaves the matrix root out of the port, which then has no FD and no FAD: on few clips it
would be most of its time.
"""

import argparse
import platform
import tempfile
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
import soundfile as sf
import torch
from numpy.typing import NDArray
from torch import nn

from auffusion.evaluate.cnn14 import CNN14_16K, Cnn14, Cnn14Extractor
from auffusion.evaluate.embedding import EmbeddingOptions
from auffusion.evaluate.embedding_cache import EmbeddingCache
from auffusion.evaluate.evaluating import Conditions, Means, evaluate
from auffusion.evaluate.htk_mel import htk_triangles
from auffusion.evaluate.protocol import read_protocol
from auffusion.evaluate.scoring import Certainty
from auffusion.evaluate.vggish import Vggish, VggishConfig, VggishExtractor
from auffusion.evaluate.weights import FoundWeights, file_sha256

RATE, SHORTEST = 16_000, 32_000
SPLITS, SEED, EPSILON = 10, 2020, 1e-6
Rows = NDArray[np.float32]


def write_clips(folder: Path, count: int, seconds: float, seed: int) -> None:
    """Noise of many colours, with swells: as unlike each other as recordings are."""
    folder.mkdir(parents=True)
    length = round(seconds * RATE)
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        spectrum = np.fft.rfft(rng.standard_normal(length))
        tilt = (1 + np.arange(len(spectrum))) ** -rng.uniform(0.0, 1.0)
        sound = np.fft.irfft(spectrum * tilt, length)
        swell = 0.6 + 0.4 * np.sin(rng.uniform(1, 20) * np.linspace(0, 2 * np.pi, length))
        sound = 0.5 * sound * swell / np.abs(sound).max()
        sf.write(folder / f"{number:04d}.wav", sound, RATE, subtype="PCM_16")


def random_networks(folder: Path) -> tuple[FoundWeights, FoundWeights]:
    """Files laid out as the published ones, with weights that keep features alive."""
    torch.manual_seed(0)
    cnn14, vggish = alive(Cnn14()), alive(Vggish())
    torch.save({"iteration": 1, "model": cnn14.state_dict()}, folder / "cnn14.pth")
    torch.save(OrderedDict(vggish.state_dict()), folder / "vggish.pth")
    paths = (folder / "cnn14.pth", folder / "vggish.pth")
    cnn, vgg = (FoundWeights(path=path, sha256=file_sha256(path)) for path in paths)
    return cnn, vgg


def alive(network: nn.Module) -> nn.Module:
    """Random weights under which no layer dies out."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and "extractor" not in name:
            nn.init.kaiming_uniform_(module.weight, a=1.0)
    return network.eval()


@dataclass
class Port:
    """The procedure of audioldm_eval, a clip at a time."""

    cnn14: Cnn14
    vggish: Vggish
    device: str

    def load(self, path: Path) -> Rows:
        """First channel, without its mean, at least two seconds."""
        samples, _ = sf.read(path, dtype="float32", always_2d=True)
        first = samples[:, 0] - samples[:, 0].mean()
        return np.pad(first, (0, max(0, SHORTEST - len(first))))

    def panns(self, folder: Path) -> tuple[Rows, Rows]:
        """Features and logits of all files of a folder."""
        features: list[Rows] = []
        logits: list[Rows] = []
        for path in sorted(folder.iterdir()):
            with torch.no_grad():
                waveform = torch.from_numpy(self.load(path))[None].to(self.device)
                embedding, scores = self.cnn14(waveform)
            features.append(embedding.cpu().numpy())
            logits.append(scores.cpu().numpy())
        return np.concatenate(features), np.concatenate(logits)

    def embeddings(self, folder: Path) -> Rows:
        """VGGish's rows of all files, all sounds being in memory at once."""
        sounds = [self.load(path) for path in sorted(folder.iterdir())]
        rows: list[Rows] = []
        for sound in sounds:
            examples = torch.from_numpy(log_mel_examples(sound)).to(self.device)
            rows.append(self.vggish(examples).detach().cpu().numpy())
        return np.concatenate(rows)


def log_mel_examples(sound: Rows) -> Rows:
    """VGGish's input in double precision: [example, 96, 64]."""
    filters = htk_triangles(
        sample_rate=RATE, fft_length=512, bands=64, low_hz=125.0, high_hz=7500.0
    ).numpy()
    filters[0] = 0
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), 400)[::160]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    log_mel = np.log(np.abs(np.fft.rfft(frames * window, 512)) @ filters + 0.01)
    count = len(log_mel) // 96
    return log_mel[: count * 96].reshape(count, 96, 64).astype(np.float32)


def port_frechet(first: Rows, second: Rows) -> float:
    """The Fréchet distance by scipy's matrix root, as the original takes it."""
    means = [rows.mean(axis=0) for rows in (first, second)]
    covariances = [np.cov(rows, rowvar=False) for rows in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    if not np.isfinite(root).all():
        more = EPSILON * np.eye(len(covariances[0]))
        root = scipy.linalg.sqrtm((covariances[0] + more) @ (covariances[1] + more))
    apart = means[0] - means[1]
    traces = sum(float(np.trace(one)) for one in covariances)
    return float(apart @ apart + traces - 2 * np.trace(root.real))


def softmax(logits: Rows) -> Rows:
    """Probabilities of rows."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def port_kl(reference: Rows, generated: Rows) -> float:
    """KL(reference ‖ generated) of softmaxes, in single precision."""
    p, q = softmax(reference), softmax(generated)
    return float((p * (np.log(p) - np.log(q + EPSILON))).sum() / len(p))


def port_inception(logits: Rows) -> float:
    """Inception score over ten parts."""
    order = np.random.RandomState(SEED).permutation(len(logits))
    p = softmax(logits.astype(np.float64)[order])
    scores = []
    for part in range(SPLITS):
        own = p[part * len(p) // SPLITS : (part + 1) * len(p) // SPLITS]
        marginal = own.mean(axis=0, keepdims=True)
        scores.append(np.exp((own * (np.log(own) - np.log(marginal))).sum(axis=1).mean()))
    return float(np.mean(scores))


def timed(label: str, times: dict[str, float], began: float) -> float:
    """Note how long it took since a moment, and give this one."""
    now = time.perf_counter()
    times[label] = times.get(label, 0.0) + now - began
    return now


def run_port(port: Port, folders: Sequence[Path], *, root: bool) -> tuple[dict[str, float], ...]:
    """Scores and seconds of the port."""
    times: dict[str, float] = {}
    moment = time.perf_counter()
    heard = [port.panns(folder) for folder in folders]
    moment = timed("Cnn14", times, moment)
    rows = [port.embeddings(folder) for folder in folders]
    moment = timed("VGGish", times, moment)
    (generated, scores), (reference, labels) = heard
    found = {"kl_softmax_cnn14": port_kl(labels, scores), "is_cnn14": port_inception(scores)}
    moment = timed("KL, IS", times, moment)
    if root:
        found |= {
            "fd_cnn14": port_frechet(generated, reference),
            "fad_vggish": port_frechet(*rows),
        }
        timed("matrix roots", times, moment)
    return found, times


def run_ours(
    folders: Sequence[Path], means: Means, scores: Sequence[str]
) -> tuple[dict[str, float], float, float]:
    """Scores, seconds and CPU seconds; no controls and no intervals, as the port has none."""
    began, cpu = time.perf_counter(), time.process_time()
    conditions = Conditions(controls=False, certainty=Certainty(replicates=0))
    protocol = read_protocol("audioldm-eval").only(scores)
    result = evaluate(folders[0], folders[1], protocol, means, conditions)
    found = {one.name: one.value for one in result.scores}
    return found, time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Print both sides' seconds, their ratios, and how far their scores lie apart."""
    words = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    words.add_argument("--clips", type=int, default=100, help="on each side")
    words.add_argument("--seconds", type=float, default=10.0)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--batch-s", type=float, default=160.0, help="of ours")
    words.add_argument("--device", default="cpu")
    words.add_argument("--no-root", action="store_true")
    given = words.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as work:
        compare(Path(work), given)


def compare(work: Path, given: argparse.Namespace) -> None:
    """Both sides on the same clips."""
    folders = [work / "generated", work / "reference"]
    for seed, folder in enumerate(folders):
        write_clips(folder, given.clips, given.seconds, seed)
    write_clips(work / "warm", 2, given.seconds, 9)
    cnn14, vggish = random_networks(work)
    ours = {
        "cnn14-16k": Cnn14Extractor("cnn14-16k", cnn14, CNN14_16K, device=given.device),
        "vggish": VggishExtractor("vggish", vggish, VggishConfig(), device=given.device),
    }
    for extractor in ours.values():
        extractor(torch.zeros(2, round(given.seconds * RATE)))  # loads the network
    means = Means(
        cache=EmbeddingCache(work / "cache"),
        load=ours.__getitem__,
        options=EmbeddingOptions(batch_s=given.batch_s),
    )
    port = Port(_loaded(Cnn14(), cnn14, given), _loaded(Vggish(), vggish, given), given.device)
    port.panns(work / "warm")
    cpu = time.process_time()
    found, times = run_port(port, folders, root=not given.no_root)
    cpu = time.process_time() - cpu
    computed, *computing = run_ours(folders, means, list(found))
    again, *cached = run_ours(folders, means, list(found))
    if again != computed:
        raise SystemExit("features from the cache give other scores")
    tell(given, found, computed, times, {"computed": computing, "from the cache": cached}, cpu)


def _loaded(network: nn.Module, found: FoundWeights, given: argparse.Namespace) -> nn.Module:
    state = torch.load(found.path, weights_only=True)
    network.load_state_dict(state.get("model", state))
    # As networks come: gradients asked for, memory in its usual order.
    return network.eval().to(given.device)


def tell(
    given: argparse.Namespace,
    port: dict[str, float],
    ours: dict[str, float],
    times: dict[str, float],
    seconds: dict[str, list[float]],
    cpu: float,
) -> None:
    """Print it; CPU time is what a busy machine does not falsify."""
    print(
        f"{platform.machine()}, {given.threads} threads, {given.device}, torch "
        f"{torch.__version__}, scipy {scipy.__version__}"
    )
    print(f"{given.clips} clips of {given.seconds:g} s on each side, random weights")
    total = sum(times.values())
    parts = ", ".join(f"{label} {taken:.1f}" for label, taken in times.items())
    print(f"port: {total:.1f} s ({parts}), {cpu:.1f} s of CPU")
    for label, (taken, own) in seconds.items():
        print(
            f"ours, {label}: {taken:.2f} s, {own:.2f} s of CPU: {total / taken:.1f} times faster, "
            f"by CPU time {cpu / own:.1f} times"
        )
    for name, value in port.items():
        apart = abs(value - ours[name]) / abs(ours[name])
        print(f"{name}: port {value:.6g}, ours {ours[name]:.6g}, {apart:.1e} apart")


if __name__ == "__main__":
    main()
