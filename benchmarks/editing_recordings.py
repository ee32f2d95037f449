"""Do edits of real recordings do what they say? On the embedded model.

    python benchmarks/editing_recordings.py WORK [--clips 3] [--only restyle|inpaint|upsample|loop]
        [--rows FILE]

WORK is the folder of the judge and of its sound library (`benchmarks/embedded_classes.py`). All
recordings are its real validation clips, of which the model has seen none: up to three of each of
the judge's twenty classes, repeated up to 2.56 s. Everything takes 25 steps, seed 0.

**Restyle.** Each clip that the judge itself names right is turned into the class that comes half
the list later, at seven strengths. Told are the judge's mean log-probabilities of both classes, in
how many sounds it prefers the new one, and Spearman's rank correlation between strength and the
difference of both, clip by clip.

**Inpaint.** The middle 0.8 s of each clip are made anew, under the class's prompt. Told are: how
many samples outside of the interval differ from the recording's; how far the interval's mean
spectrum is from what the recording had there, in dB; and by how many dB its level is off. Beside it
stand the same interval as silence, taken from another place of the same clip (what a person would
do), and after the way through the model without any change (what VAE and vocoder alone cost).

**Upsample.** Each clip loses all above 4 kHz. Told are the distance of log-mel above the cutoff
from the original's in dB, over all its values and for the mean spectrum, and the largest change
below.

**Loop.** Each clip is looped. Told is the step of the mean spectrum across the point where end
meets beginning, 40 ms on either side, in dB, before and after, and as much within the recording.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from editing_words import mean, spearman
from embedded_classes import LABELS, PROMPTS, Judge, scores, train_judge
from torch import Tensor

from auffusion import AuffusionPipeline
from auffusion.audio import resample
from auffusion.data.scenes import load_sounds
from auffusion.denoise import make_scheduler
from auffusion.edit.paste import paste_back
from auffusion.edit.region import Region
from auffusion.mel import DB_A_NEPER, MelSpectrogram, normalise_peak

RATE, SAMPLES = 16_000, 40_960
STRENGTHS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
START_S, END_S = 0.88, 1.68
CUTOFF_HZ = 4_000.0
STEPS = 25
_ANALYSE = MelSpectrogram()


@dataclass(frozen=True)
class Clip:
    """A real recording."""

    label: str
    sound: Tensor
    """[1, time], its peak 0.95."""


def load_clips(work: Path, each: int) -> list[Clip]:
    """The first so many validation clips of every class."""
    found: dict[str, list[Clip]] = {label: [] for label in PROMPTS}
    for one in load_sounds(work / "library", "validation"):
        label = one.clip.label
        if label in PROMPTS and len(found[label]) < each:
            sound = torch.from_numpy(np.resize(one.samples, SAMPLES)).float()[None]
            found[label].append(Clip(label, normalise_peak(sound)))
    return [clip for clips in found.values() for clip in clips]


@dataclass
class Restyled:
    """One clip at all strengths."""

    source: str
    target: str
    source_scores: list[float]
    target_scores: list[float]

    @property
    def correlation(self) -> float:
        """Of strength and preference."""
        preferred = torch.tensor(self.target_scores) - torch.tensor(self.source_scores)
        return spearman(torch.tensor(STRENGTHS), preferred)


def restyled(pipe: Any, judge: Judge, clips: list[Clip]) -> Iterator[Restyled]:  # noqa: ANN401
    """Each clip that is named right, on its way to another class."""
    for clip in clips:
        index = LABELS.index(clip.label)
        if int(scores(judge, clip.sound).argmax()) != index:
            continue
        target = LABELS[(index + len(LABELS) // 2) % len(LABELS)]
        made = pipe.restyle(
            clip.sound,
            RATE,
            PROMPTS[target],
            strength=STRENGTHS,
            num_inference_steps=STEPS,
            output_type="pt",
        ).audios
        heard = torch.stack([scores(judge, sound[None].float()) for sound in made])
        aim = heard[:, LABELS.index(target)]
        yield Restyled(clip.label, target, heard[:, index].tolist(), aim.tolist())


@dataclass
class Inpainted:
    """One interval, made in one way."""

    label: str
    way: str
    changed_outside: int
    """Samples outside of the interval that are not the recording's."""
    spectrum_db: float
    """Mean difference of the interval's mean log-mel from the recording's."""
    level_db: float
    """Difference of its level from the recording's."""


WAYS: dict[str, dict[str, Any]] = {
    "through the model, unchanged": {"strength": 0.0},
    "prompt, guidance 5 (the model's)": {},
    "prompt, guidance 2": {"guidance_scale": 2.0},
    "no prompt": {"prompt": None},
    "no prompt, ddim": {"prompt": None, "scheduler": "ddim"},
    "no prompt, ddim, 4 rounds": {"prompt": None, "rounds": 4, "scheduler": "ddim"},
    "guidance 2, ddim, 4 rounds": {"guidance_scale": 2.0, "rounds": 4, "scheduler": "ddim"},
}


def inpainted(pipe: Any, clips: list[Clip], config: Any) -> Iterator[Inpainted]:  # noqa: ANN401
    """Each clip in each way, and what else could stand in its place."""
    first, end = round(START_S * RATE), round(END_S * RATE)
    region = Region(start_s=START_S, end_s=END_S)
    for clip in clips:
        sounds = {
            "silence": torch.zeros_like(clip.sound),
            "another place of the clip": clip.sound.roll(end - first, dims=-1),
        }
        for way, sound in sounds.items():
            pasted = paste_back(clip.sound, sound, [region], rate=RATE, fade_s=0.02)
            yield _compared(clip, way, pasted, first, end)
        for way, given in WAYS.items():
            call = {"prompt": PROMPTS[clip.label], "num_inference_steps": STEPS, **given}
            pipe.scheduler = make_scheduler(call.pop("scheduler", "dpm++"), config)
            edited = pipe.inpaint(
                clip.sound, RATE, call.pop("prompt"), intervals=[(START_S, END_S)], **call
            )
            yield _compared(clip, way, edited.audio, first, end)
    pipe.scheduler = make_scheduler("dpm++", config)


def _compared(clip: Clip, way: str, sound: Tensor, first: int, end: int) -> Inpainted:
    changed = (sound != clip.sound)[0]
    spectra = [_ANALYSE(one[:, first:end]).mean(-1) for one in (sound, clip.sound)]
    levels = [float(one[:, first:end].square().mean()) + 1e-10 for one in (sound, clip.sound)]
    return Inpainted(
        label=clip.label,
        way=way,
        changed_outside=int(changed[:first].sum() + changed[end:].sum()),
        spectrum_db=float((spectra[0] - spectra[1]).abs().mean()) * DB_A_NEPER,
        level_db=float(10 * np.log10(levels[0] / levels[1])),
    )


@dataclass
class Upsampled:
    """One clip with its treble given back in one way."""

    label: str
    way: str
    above_db: float
    """Mean difference of log-mel above the cutoff."""
    spectrum_db: float
    """The same of its mean over time."""
    below: float
    """Largest change of what lies below, of a peak of 0.95."""


def upsampled(pipe: Any, clips: list[Clip], config: Any) -> Iterator[Upsampled]:  # noqa: ANN401
    """Each clip that has sound above the cutoff."""
    for clip in clips:
        dull = resample(
            resample(clip.sound, RATE, round(2 * CUTOFF_HZ)), round(2 * CUTOFF_HZ), RATE
        )
        given = {"num_inference_steps": STEPS, "cutoff_hz": 3_650.0}
        prompt = PROMPTS[clip.label]
        sounds = {
            "left as it is": dull,
            "prompt, guidance 5 (the model's)": pipe.upsample(dull, RATE, prompt, **given).audio,
            "prompt, guidance 2": pipe.upsample(
                dull, RATE, prompt, guidance_scale=2.0, **given
            ).audio,
            "no prompt": pipe.upsample(dull, RATE, **given).audio,
        }
        pipe.scheduler = make_scheduler("ddim", config)
        sounds["no prompt, ddim, 4 rounds"] = pipe.upsample(dull, RATE, rounds=4, **given).audio
        pipe.scheduler = make_scheduler("dpm++", config)
        for way, sound in sounds.items():
            # 4 kHz is the middle of band 190 of 256.
            high = [_ANALYSE(one)[0, 192:] for one in (sound, clip.sound)]
            yield Upsampled(
                label=clip.label,
                way=way,
                above_db=float((high[0] - high[1]).abs().mean()) * DB_A_NEPER,
                spectrum_db=float((high[0].mean(-1) - high[1].mean(-1)).abs().mean()) * DB_A_NEPER,
                below=float(_below(sound - dull, 3_600.0).abs().max()),
            )


def _below(sound: Tensor, hertz: float) -> Tensor:
    """What lies below a frequency, by cutting the spectrum."""
    spectrum = torch.fft.rfft(sound.double())
    spectrum[:, round(hertz / RATE * sound.shape[-1]) :] = 0
    return torch.fft.irfft(spectrum, n=sound.shape[-1])


@dataclass
class Looped:
    """One clip, played in a circle."""

    label: str
    before_db: float
    """The step at the seam of the recording itself."""
    after_db: float
    """That of the loop."""
    within_db: float
    """Mean step within the recording."""


def looped(pipe: Any, clips: list[Clip]) -> Iterator[Looped]:  # noqa: ANN401
    """Each clip."""
    for clip in clips:
        made = pipe.loop(clip.sound, RATE, num_inference_steps=STEPS).audio
        inner = [_step(clip.sound.roll(-place, dims=-1)) for place in range(4_000, 37_000, 3_000)]
        yield Looped(clip.label, _step(clip.sound), _step(made), mean(inner))


def _step(sound: Tensor) -> float:
    """How far apart the spectra of 40 ms are at the end and at the beginning."""
    width = 640
    window = torch.hann_window(width)
    ends = torch.cat([sound[:, -width:], sound[:, :width]]) * window
    levels = torch.log(
        torch.fft.rfft(ends).abs().reshape(2, -1)[:, 1:].unflatten(1, (20, -1)).mean(-1) + 1e-4
    )
    return float((levels[0] - levels[1]).abs().mean()) * DB_A_NEPER


def tell_restyled(rows: list[Restyled]) -> dict[str, float]:
    """Print the table over strengths; give what holds for all."""
    old, new = (
        torch.tensor([getattr(r, n) for r in rows]) for n in ("source_scores", "target_scores")
    )
    print("| strength | log p(old class) | log p(new class) | prefers the new class |")
    print("|---|---|---|---|")
    for place, strength in enumerate(STRENGTHS):
        share = mean(new[:, place] > old[:, place])
        means = f"{old[:, place].mean():.2f} | {new[:, place].mean():.2f}"
        print(f"| {strength:g} | {means} | {share:.0%} |")
    correlations = [row.correlation for row in rows]
    return {
        "clips": len(rows),
        "rank correlation, mean": mean(correlations),
        "clips with a positive one": mean(c > 0 for c in correlations),
        "rank correlation of the means": spearman(torch.tensor(STRENGTHS), (new - old).mean(0)),
    }


def tell(rows: list[Any], columns: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Print a row of means for each way; give them."""
    ways = list(dict.fromkeys(row.way for row in rows))
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    told: dict[str, dict[str, float]] = {}
    for way in ways:
        mine = [row for row in rows if row.way == way]
        told[way] = {name: mean(abs(getattr(row, name)) for row in mine) for name in columns}
        print(f"| {way} | {' | '.join(f'{value:.4g}' for value in told[way].values())} |")
    return told


def main() -> None:
    """Print the tables, and their numbers as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--only", choices=("restyle", "inpaint", "upsample", "loop"))
    parser.add_argument("--rows", type=Path, help="write every sound's numbers here, as JSON lines")
    given = parser.parse_args()
    clips = load_clips(given.work, given.clips)
    pipe: Any = AuffusionPipeline.from_pretrained("embedded")
    pipe.set_progress_bar_config(disable=True)
    config = dict(pipe.scheduler.config)
    pipe.scheduler = make_scheduler("dpm++", config)
    lines: list[Any] = []
    summary: dict[str, Any] = {}
    if given.only in {None, "restyle"}:
        rows = list(restyled(pipe, train_judge(given.work), clips))
        summary["restyle"] = tell_restyled(rows)
        lines += rows
    if given.only in {None, "inpaint"}:
        made = list(inpainted(pipe, clips, config))
        summary["inpaint"] = tell(made, ("changed_outside", "spectrum_db", "level_db"))
        lines += made
    if given.only in {None, "upsample"}:
        high = list(upsampled(pipe, clips, config))
        summary["upsample"] = tell(high, ("above_db", "spectrum_db", "below"))
        lines += high
    if given.only in {None, "loop"}:
        round_ = list(looped(pipe, clips))
        names = ("before_db", "after_db", "within_db")
        summary["loop"] = {name: mean(getattr(row, name) for row in round_) for name in names}
        lines += round_
    print(json.dumps(summary))
    if given.rows is not None:
        given.rows.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines), "utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
