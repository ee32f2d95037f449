"""Does the embedded model make the sound that was asked for?

A small convolutional judge is trained on the real training clips of twenty classes, and on nothing
else; it is told by its accuracy on the real validation clips. Then the model makes five sounds of
each class, and the judge names them. The classes were fixed before the model was trained: those of
the sound list with the most clips of which at least two are in the validation split.

    python benchmarks/embedded_classes.py WORK [--model embedded] [--guidance 3] [--steps 25]
        [--scheduler dpm++] [--device cpu] [--pictures DIR]

WORK is the folder of `auffusion.recipes.embedded` (for the sound library and the judge's weights).
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from auffusion.data.scenes import CANVAS, SceneComposer, Sound, load_sounds
from auffusion.mel import MelSpectrogram, normalise_peak

PROMPTS = {
    "guitar": "an acoustic guitar strum",
    "growl": "a monster growling",
    "scream": "a man screaming",
    "footsteps": "footsteps on stone",
    "drum beat": "a drum kit playing a fast rock beat",
    "door": "a door closing",
    "bird song": "birds singing",
    "wind": "wind blowing",
    "explosion": "an explosion",
    "fire": "a fire burning",
    "gunshot": "a gunshot",
    "laser": "a laser gun firing",
    "kick drum": "a kick drum",
    "water": "water flowing",
    "dog": "a dog barking",
    "machine gun": "a machine gun firing",
    "thunder": "thunder rumbling",
    "tabla": "a tabla drum stroke",
    "bell note": "a bell-like tone playing a note",
    "metal hit": "metal being hit",
}
LABELS = list(PROMPTS)
SEEDS = range(5)
WINDOW = 128
"""Columns of 20 ms that the judge sees at once: 2.56 s."""
_STEPS, _BATCH, _SCENES = 1500, 32, 48


class Judge(nn.Module):
    """Log-mel windows of 2.56 s to one score a class."""

    def __init__(self) -> None:
        super().__init__()
        widths = [1, 16, 32, 64, 96, 128]
        self.blocks = nn.Sequential(
            *[
                nn.Sequential(
                    nn.Conv2d(a, b, 3, padding=1, bias=False),
                    nn.BatchNorm2d(b),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
                for a, b in pairwise(widths)
            ]
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * widths[-1], len(LABELS)))

    def forward(self, windows: Tensor) -> Tensor:
        """Scores of windows [batch, 64, 128]."""
        # The level of a recording says nothing of its class.
        level = windows.amax(dim=(1, 2), keepdim=True)
        features = self.blocks(((windows - level + 6.0) / 3.0).clamp_min(-2.5)[:, None])
        return self.head(torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1))


def pooled(log_mel: Tensor) -> Tensor:
    """Log-mel [batch, 256, frames] to what the judge looks at: 64 bands, a column every 20 ms."""
    return F.avg_pool2d(log_mel[:, None], (4, 2))[:, 0]


def train_judge(work: Path) -> Judge:
    """A judge fitted to the real training clips; kept in WORK/judge.safetensors."""
    path, judge = work / "judge.safetensors", Judge()
    if path.is_file():
        judge.load_state_dict(load_file(path))
        return judge.eval()
    torch.manual_seed(0)
    scenes = _training_scenes(work)
    judge = judge.train()
    optimiser = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.05)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=_STEPS)
    for step in range(_STEPS):
        rng = np.random.default_rng((1, step))
        targets = rng.integers(len(LABELS), size=_BATCH)
        windows = torch.stack([_window(scenes[target], rng) for target in targets])
        guessed = judge(_disturbed(windows, rng))
        loss = F.cross_entropy(guessed, torch.from_numpy(targets), label_smoothing=0.1)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        plan.step()
    save_file(judge.state_dict(), path)
    return judge.eval()


def _training_scenes(work: Path) -> list[Tensor]:
    """For each class [scene, 64, columns], composed of its real training clips."""
    sounds = [s for s in load_sounds(work / "library", "train") if s.clip.label in PROMPTS]
    mel, found = MelSpectrogram(), list[Tensor]()
    for label in LABELS:
        composer = SceneComposer([s for s in sounds if s.clip.label == label])
        waves = [composer.compose(seed)[0] for seed in range(_SCENES)]
        found.append(torch.cat([pooled(mel(torch.from_numpy(w).float()[None])) for w in waves]))
    return found


def _window(scenes: Tensor, rng: np.random.Generator) -> Tensor:
    """A piece that is not silent."""
    for _ in range(8):
        scene = scenes[int(rng.integers(len(scenes)))]
        start = int(rng.integers(scene.shape[-1] - WINDOW))
        window = scene[:, start : start + WINDOW]
        if window.max() > scene.max() - 4.0:
            break
    return window


def _disturbed(windows: Tensor, rng: np.random.Generator) -> Tensor:
    """Other recordings: a tilt of the spectrum, a noise floor, a band or moment missing, a blur."""
    bands = torch.linspace(-1, 1, windows.shape[1])[None, :, None]
    tilt = torch.from_numpy(rng.uniform(-1.5, 1.5, (len(windows), 1, 1))).float()
    floor = torch.from_numpy(rng.uniform(-11.5, -5.0, (len(windows), 1, 1))).float()
    out = torch.logaddexp(windows + tilt * bands, floor.expand_as(windows))
    if rng.random() < 0.5:
        out = F.avg_pool2d(out, 3, stride=1, padding=1, count_include_pad=False)
    out = out + float(rng.uniform(0.0, 0.4)) * torch.randn(out.shape)
    for row in out:
        band, moment = rng.integers(0, 56), rng.integers(0, 112)
        row[band : band + int(rng.integers(1, 8))] = row.min()
        row[:, moment : moment + int(rng.integers(1, 16))] = row.min()
    return out


@torch.no_grad()
def scores(judge: Judge, waveform: Tensor) -> Tensor:
    """Mean log-probability of each class over the sounding windows of a sound [1, time]."""
    small = pooled(MelSpectrogram()(normalise_peak(waveform)))
    small = F.pad(small, (0, max(0, WINDOW - small.shape[-1])), value=-11.5)
    starts = range(0, small.shape[-1] - WINDOW + 1, WINDOW // 2)
    windows = torch.cat([small[..., s : s + WINDOW] for s in starts])
    sounding = windows.amax((1, 2)) > small.max() - 4.0
    return judge(windows[sounding]).log_softmax(-1).mean(0)


def real_accuracy(judge: Judge, work: Path) -> dict[str, list[bool]]:
    """For each class, whether each real validation clip was named."""
    named: dict[str, list[bool]] = {label: [] for label in LABELS}
    for sound in load_sounds(work / "library", "validation"):
        if sound.clip.label in PROMPTS:
            best = int(scores(judge, _canvas(sound)).argmax())
            named[sound.clip.label].append(LABELS[best] == sound.clip.label)
    return named


def _canvas(sound: Sound) -> Tensor:
    """The clip again and again for ten seconds, as the model's sounds are."""
    gap = np.zeros(4000, np.float32)
    return torch.from_numpy(np.resize(np.concatenate([sound.samples, gap]), CANVAS))[None]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--scheduler", default="dpm++")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    judge = train_judge(given.work)
    real = real_accuracy(judge, given.work)
    found = sum(sum(hits) for hits in real.values())
    total = sum(len(hits) for hits in real.values())
    print(f"judge on real validation clips: {found} of {total} = {found / total:.1%}")
    rows = generated(judge, given)
    print(
        "| class | prompt | real clips named | generated, first of 5 | among first five, of 5 |\n"
        "|---|---|---|---|---|"
    )
    for label, (first, fifth) in rows.items():
        hits = f"{sum(real[label])}/{len(real[label])}"
        print(f"| {label} | {PROMPTS[label]} | {hits} | {first} | {fifth} |")
    count = len(LABELS) * len(SEEDS)
    top1, top5 = (sum(row[i] for row in rows.values()) / count for i in (0, 1))
    print(json.dumps({"top1": top1, "top5": top5, "judge_real": found / total, "sounds": count}))


def generated(judge: Judge, given: argparse.Namespace) -> dict[str, tuple[int, int]]:
    """For each class, how many of five sounds the judge names first, and among the first five."""
    from auffusion import AuffusionPipeline
    from auffusion.denoise import make_scheduler
    from auffusion.image import spectrogram_figure

    pipe = AuffusionPipeline.from_pretrained(given.model).to(given.device)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = make_scheduler(given.scheduler, pipe.scheduler.config)
    extra = {} if given.guidance is None else {"guidance_scale": given.guidance}
    rows: dict[str, tuple[int, int]] = {}
    for label, prompt in PROMPTS.items():
        ranks: list[int] = []
        for seed in SEEDS:
            made = pipe(
                prompt, seeds=[seed], num_inference_steps=given.steps, output_type="pt", **extra
            )
            ranks.append(_rank(judge, made.audios[0].cpu(), label))
            if given.pictures is not None and seed == 0:
                given.pictures.mkdir(parents=True, exist_ok=True)
                picture = spectrogram_figure(made.spectrograms[0].float().cpu())
                picture.save(given.pictures / f"{prompt.replace(' ', '_')}.png")
        rows[label] = sum(r == 0 for r in ranks), sum(r < 5 for r in ranks)
    return rows


def _rank(judge: Judge, sound: Tensor, label: str) -> int:
    """How many classes the judge holds for likelier than the one that was asked for."""
    order = scores(judge, sound.reshape(1, -1).float()).argsort(descending=True)
    return order.tolist().index(LABELS.index(label))


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
