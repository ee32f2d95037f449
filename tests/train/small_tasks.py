"""Tasks that train in milliseconds: small networks that denoise spectrograms of real sounds."""

import json
import time
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from auffusion.data.drawing import Draws, generator
from auffusion.train.loop import train
from auffusion.train.loop_settings import LoopSettings
from auffusion.train.task import Player

SOUNDS = sorted((Path(__file__).parents[1] / "sounds").glob("*.flac"))
BANDS, FRAMES = 33, 16


@cache
def spectrograms():
    """Log-magnitudes of the real sounds, [band, frame] each."""
    return [_spectrogram(path) for path in SOUNDS]


def _spectrogram(path):
    samples = soundfile.read(path, dtype="float32")[0]
    frames = np.lib.stride_tricks.sliding_window_view(np.resize(samples, 16_000), 64)[::64]
    return np.log1p(np.abs(np.fft.rfft(frames * np.hanning(64)))).T.astype(np.float32)


class Denoiser(nn.Module):
    """Two convolutions.

    Args:
        ballast: numbers that only make the state large.
        tricky: with dropout, which draws from the global generator, and batch norm, whose
            buffers change in the forward pass.
    """

    def __init__(self, ballast=0, *, tricky=False):
        super().__init__()
        middle = [nn.BatchNorm2d(6), nn.Dropout(0.1)] if tricky else []
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), *middle, nn.GELU(), nn.Conv2d(6, 1, 3, padding=1)
        )
        self.ballast = nn.Parameter(torch.linspace(-1, 1, ballast)) if ballast else None

    def forward(self, noisy):
        return self.layers(noisy)


class Judge(nn.Module):
    """Whether a spectrogram is real."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, stride=2), nn.LeakyReLU(0.1), nn.Conv2d(6, 1, 3, stride=2)
        )

    def forward(self, clean):
        return self.layers(clean).mean(dim=(1, 2, 3))


class DenoisingSounds:
    """One network.

    Args:
        network: is trained; a new one where None.
        seed: of all draws.
        batch: examples of a step, over all processes.
        spoilt: (step, slot) to what stands in that example.
    """

    def __init__(self, network=None, *, seed=0, batch=4, spoilt=None):
        self.network = new_network() if network is None else network
        self.seed, self.spoilt = seed, dict(spoilt or {})
        self.draws = Draws(seed=seed, count=len(SOUNDS), batch=batch)
        self.players = [Player(name="network", module=self.network)]

    def draw(self, step, slots):
        drawn = [self._example(step, slot) for slot in slots]
        clean, noise = (
            torch.from_numpy(np.stack(one))[:, None] for one in zip(*drawn, strict=True)
        )
        return clean, clean + noise

    def _example(self, step, slot):
        whole = spectrograms()[self.draws.clip(step, slot)]
        start = int(generator(self.seed, step, slot, "crop").integers(whole.shape[1] - FRAMES))
        clean = whole[:, start : start + FRAMES].copy()
        if (step, slot) in self.spoilt:
            clean[3, 4] = self.spoilt[step, slot]
        noise = generator(self.seed, step, slot, "noise").standard_normal(clean.shape)
        return clean, noise.astype(np.float32)

    def names(self, step, slots):
        return [SOUNDS[self.draws.clip(step, slot)].stem for slot in slots]

    def losses(self, player, batch, step):  # noqa: ARG002
        clean, noisy = batch
        terms = {"loss": F.mse_loss(self.network(noisy).float(), clean)}
        if self.network.ballast is not None:
            terms["ballast"] = self.network.ballast.square().mean()
        return terms

    def flops_per_example(self):
        return 1e6

    def listen(self, step, folder):  # noqa: ARG002
        with torch.no_grad():
            shown = self.network.eval()(torch.from_numpy(spectrograms()[0][None, None]))
        self.network.train()
        soundfile.write(folder / "shown.wav", shown.flatten().numpy() / 10, 16_000)

    def export(self, folder):
        state = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, folder / "weights.safetensors")


class AdversarialSounds(DenoisingSounds):
    """A denoiser against a judge of what it makes."""

    def __init__(self, network=None, **settings):
        super().__init__(network, **settings)
        torch.manual_seed(1)
        self.judge = Judge()
        self.players = [
            Player(name="denoiser", module=self.network),
            Player(name="judge", module=self.judge, averaged=False),
        ]

    def losses(self, player, batch, step):  # noqa: ARG002
        clean, noisy = batch
        made = self.network(noisy).float()
        if player == "denoiser":
            fooled = F.softplus(-self.judge(made)).mean()
            return {"error": F.mse_loss(made, clean), "fooled": 0.1 * fooled}
        real, fake = self.judge(clean), self.judge(made.detach())
        return {"judged": (F.softplus(-real) + F.softplus(fake)).mean()}


def new_network(ballast=0, *, tricky=False):
    """The same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Denoiser(ballast, tricky=tricky)


def settings(**changes):
    """Short and small, without curves."""
    usual = {"steps": 12, "batch": 4, "learning_rate": 1e-2, "save_every": 5, "tracker": "none"}
    return LoopSettings(**usual | changes)


def train_here(folder, words):
    """A run told by plain words, for processes of their own; gives how it ended.

    Args:
        folder: of the run.
        words: JSON with `kind`, `ballast`, `tricky`, `pause` (seconds after every step) and `loop`.
    """
    usual = {"kind": "plain", "ballast": 0, "tricky": False, "pause": 0, "loop": {}}
    told = usual | json.loads(words)
    loop = settings(**told["loop"])
    kinds = {"plain": DenoisingSounds, "adversarial": AdversarialSounds}
    network = new_network(told["ballast"], tricky=told["tricky"])
    task = kinds[told["kind"]](network, batch=loop.batch, seed=loop.seed)
    return train(task, loop, Path(folder), on_step=lambda *_: time.sleep(told["pause"]))


def log_of(folder):
    """The lines of a run's log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
