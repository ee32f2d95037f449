"""Do word edits of the embedded model do what they say? Asked of the judge of its classes.

    python benchmarks/editing_words.py WORK [--model embedded] [--seeds 3] [--only swaps|weights]
        [--device cpu] [--pictures DIR] [--rows FILE]

WORK is the folder of the judge (`benchmarks/embedded_classes.py`).

**Weights.** Each of the judge's twenty prompts is re-weighted: the word that names its class gets
the weights 0, ½, 1, 1½, 2 and 3. Told is Spearman's rank correlation between the weight and the
judge's log-probability of the class, over the six sounds of one prompt and seed, and its mean over
the twenty prompts; chance is 0. `held` is `AuffusionPipeline.reweight`, which keeps to the source's
attention; `free` is the prompt's own weight, as in ``a dog (barking:2)``.

**Swaps.** A scene is two sounds, "A and B"; A is exchanged for C, and B is to stay. Scenes are all
ordered pairs of ten classes whose *unedited* sound the judge hears both of among its first five
(seed 0); C is the next of the ten. Told are the shares of scenes in which the judge prefers C to A
after the swap (before it, A to C), in which B is still among its first five, and how far the sound
moved: the mean difference of its log-mel from the source's, and the correlation of loudness over
time with it. Beside it stands `plain`, the same prompt and seed generated without the source's
attention.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from embedded_classes import LABELS, PROMPTS, Judge, scores, train_judge
from torch import Tensor

from auffusion import AuffusionPipeline
from auffusion.denoise import make_scheduler
from auffusion.image import Panel, stacked_figure
from auffusion.mel import DB_A_NEPER

NAMES = {
    "guitar": "guitar",
    "growl": "growling",
    "scream": "screaming",
    "footsteps": "footsteps",
    "drum beat": "drum",
    "door": "door",
    "bird song": "birds",
    "wind": "wind",
    "explosion": "explosion",
    "fire": "fire",
    "gunshot": "gunshot",
    "laser": "laser",
    "kick drum": "kick",
    "water": "water",
    "dog": "dog",
    "machine gun": "machine",
    "thunder": "thunder",
    "tabla": "tabla",
    "bell note": "bell-like",
    "metal hit": "metal",
}
"""The word of each prompt that names its class."""
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SCENES = (
    "growl",
    "scream",
    "footsteps",
    "bird song",
    "wind",
    "fire",
    "thunder",
    "bell note",
    "tabla",
    "water",
)
"""The classes that scenes are made of: those the model is best at, and water."""
_AMONG = 5


def ranks(values: Tensor) -> Tensor:
    """Places in order, ties sharing theirs."""
    return ((values[:, None] > values).sum(1) + (values[:, None] >= values).sum(1) - 1) / 2.0


def spearman(first: Tensor, second: Tensor) -> float:
    """Rank correlation."""
    return float(torch.corrcoef(torch.stack([ranks(first), ranks(second)]))[0, 1])


def judged(judge: Judge, audios: Any) -> Tensor:  # noqa: ANN401
    """Log-probabilities of the classes, a row a sound."""
    return torch.stack([scores(judge, audio[None].float().cpu()) for audio in audios])


@dataclass
class Weighted:
    """One prompt and seed."""

    label: str
    seed: int
    form: str
    scores: list[float]
    correlation: float


def weights(pipe: Any, judge: Judge, seeds: int, **call: Any) -> Iterator[Weighted]:  # noqa: ANN401
    """Scores of a class under growing weights of its word."""
    for label, prompt in PROMPTS.items():
        word, index = NAMES[label], LABELS.index(label)
        for seed in range(seeds):
            held = pipe.reweight(prompt, [{word: w} for w in WEIGHTS], seed=seed, **call).audios[1:]
            prompts = [prompt.replace(word, f"({word}:{w})", 1) for w in WEIGHTS]
            free = pipe(prompts, seeds=[seed] * len(WEIGHTS), **call).audios
            for form, audios in (("held", held), ("free", free)):
                found = judged(judge, audios)[:, index]
                yield Weighted(
                    label, seed, form, found.tolist(), spearman(torch.tensor(WEIGHTS), found)
                )


@dataclass
class Swapped:
    """One scene, edited or plainly made anew."""

    scene: str
    seed: int
    form: str
    before: list[float]
    """Log-probabilities of A, B, C in the source."""
    after: list[float]
    """In the edit."""
    kept_rank: int
    """Of B in the edit, from 0."""
    source_rank: int
    """Of B in the source."""
    moved_db: float
    """Mean difference of log-mel from the source's."""
    loudness: float
    """Correlation of loudness over time with the source's."""

    @property
    def changed(self) -> bool:
        """The judge prefers A before, and C after."""
        return self.before[0] > self.before[2] and self.after[2] > self.after[0]


def scenes(pipe: Any, judge: Judge, **call: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """A, B and C of each scene that is heard as both A and B."""
    for index, (a, b) in enumerate(permutations(SCENES, 2)):
        made = pipe(f"{PROMPTS[a]} and {PROMPTS[b]}", seeds=[0], **call).audios
        heard = judged(judge, made)[0].argsort(descending=True)[:_AMONG].tolist()
        if LABELS.index(a) in heard and LABELS.index(b) in heard:
            others = [one for one in SCENES if one not in {a, b}]
            yield a, b, others[index % len(others)]


def swaps(
    pipe: Any,  # noqa: ANN401
    judge: Judge,
    seeds: int,
    pictures: Path | None,
    **call: Any,  # noqa: ANN401
) -> Iterator[Swapped]:
    """Edits of the scenes, and the same prompts made plainly."""
    for a, b, c in scenes(pipe, judge, **call):
        source, target = (f"{PROMPTS[one]} and {PROMPTS[b]}" for one in (a, c))
        for seed in range(seeds):
            edit = pipe.swap(source, target, seed=seed, **call)
            plain = pipe(target, seeds=[seed], **call)
            before, after = judged(judge, edit.audios)
            anew = judged(judge, plain.audios)[0]
            first, edited, other = *edit.spectrograms, plain.spectrograms[0]
            for form, found, mel in (("swap", after, edited), ("plain", anew, other)):
                places = [LABELS.index(one) for one in (a, b, c)]
                yield Swapped(
                    scene=f"{a} → {c}, {b}",
                    seed=seed,
                    form=form,
                    before=before[places].tolist(),
                    after=found[places].tolist(),
                    kept_rank=int((found > found[places[1]]).sum()),
                    source_rank=int((before > before[places[1]]).sum()),
                    moved_db=float((mel - first).abs().mean() * DB_A_NEPER),
                    loudness=float(torch.corrcoef(torch.stack([loud(first), loud(mel)]))[0, 1]),
                )
            if pictures is not None and seed == 0:
                pictures.mkdir(parents=True, exist_ok=True)
                panels = [Panel(log_mel=first, title=source), Panel(log_mel=edited, title=target)]
                name = f"{a}_{c}_{b}.png".replace(" ", "_")
                stacked_figure([*panels, Panel(log_mel=other, title="plainly made")]).save(
                    pictures / name
                )


def loud(log_mel: Tensor) -> Tensor:
    """Loudness over time."""
    return log_mel.float().logsumexp(dim=0)


def mean(values: Any) -> float:  # noqa: ANN401
    """Of anything that counts."""
    return float(torch.tensor([float(value) for value in values]).mean())


def tell_weights(rows: list[Weighted]) -> dict[str, float]:
    """Print the table; give the means."""
    print("| class | word | held, mean scores at 0 … 3 | held | free |\n|---|---|---|---|---|")
    for label in PROMPTS:
        mine = [row for row in rows if row.label == label]
        by_form = {f: [row for row in mine if row.form == f] for f in ("held", "free")}
        told = torch.tensor([row.scores for row in by_form["held"]]).mean(0)
        each = {f: mean(row.correlation for row in found) for f, found in by_form.items()}
        shown = ", ".join(f"{score:.2f}" for score in told)
        print(f"| {label} | {NAMES[label]} | {shown} | {each['held']:.2f} | {each['free']:.2f} |")
    return {f: mean(r.correlation for r in rows if r.form == f) for f in ("held", "free")}


def tell_swaps(rows: list[Swapped]) -> dict[str, dict[str, float]]:
    """Print the table; give the shares."""
    told: dict[str, dict[str, float]] = {}
    for form in ("swap", "plain"):
        mine = [row for row in rows if row.form == form]
        heard = [row for row in mine if row.before[0] > row.before[2]]
        told[form] = {
            "sounds": len(mine),
            "A preferred to C before": mean(row.before[0] > row.before[2] for row in mine),
            "of these C preferred to A after": mean(row.changed for row in heard),
            "B among five before": mean(row.source_rank < _AMONG for row in mine),
            "B among five after": mean(row.kept_rank < _AMONG for row in mine),
            "change of B's log-probability": mean(row.after[1] - row.before[1] for row in mine),
            "log-mel moved, dB": mean(row.moved_db for row in mine),
            "correlation of loudness": mean(row.loudness for row in mine),
        }
    print("| | swap | plain |\n|---|---|---|")
    for name in told["swap"]:
        print(f"| {name} | {told['swap'][name]:.2f} | {told['plain'][name]:.2f} |")
    return told


def main() -> None:
    """Print the tables, and all numbers as JSON lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=("swaps", "weights"))
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--rows", type=Path, help="write every sound's numbers here, as JSON lines")
    given = parser.parse_args()
    judge = train_judge(given.work)
    pipe = AuffusionPipeline.from_pretrained(given.model).to(given.device)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = make_scheduler("dpm++", pipe.scheduler.config)
    call = {"num_inference_steps": 20, "output_type": "pt"}
    lines: list[Weighted | Swapped] = []
    summary: dict[str, Any] = {}
    if given.only != "swaps":
        found = list(weights(pipe, judge, given.seeds, audio_length_in_s=2.56, **call))
        summary["weights"] = tell_weights(found)
        lines += found
    if given.only != "weights":
        moved = list(
            swaps(pipe, judge, given.seeds, given.pictures, audio_length_in_s=5.12, **call)
        )
        summary["swaps"] = tell_swaps(moved)
        lines += moved
    print(json.dumps(summary))
    if given.rows is not None:
        given.rows.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines), "utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
