"""Do word edits of the embedded model do what they say? Asked of the judge of its classes.

    python benchmarks/editing_words.py WORK [--model embedded] [--seeds 1] [--only weights|swaps]
        [--device cpu] [--pictures DIR] [--rows FILE]

WORK is the folder of the judge (`benchmarks/embedded_classes.py`). What is asked of swaps is told
in `benchmarks/word_swaps.py`.

**Weights.** In each of twenty prompts the word that names a class gets the weights 0, ½, 1, 1½, 2
and 3. Told is Spearman's rank correlation between the weight and the judge's log-probability of
the class over these six sounds, and its mean over the twenty prompts; chance is 0. `beside` are "A
and B" for each of the judge's classes A, B being ten places further in its list; `alone` are the
judge's own prompts, in which nothing competes with the word and most classes are already certain
at weight 1. `held` is `AuffusionPipeline.reweight`, which keeps to the source's attention; `free`
is the weight within the prompt, as in ``a dog (barking:2)``.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from embedded_classes import LABELS, PROMPTS, Judge, train_judge
from torch import Tensor
from word_swaps import Swapped, judged, mean, swaps, tell_swaps

from auffusion import AuffusionPipeline
from auffusion.denoise import make_scheduler

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


def ranks(values: Tensor) -> Tensor:
    """Places in order, ties sharing theirs."""
    return ((values[:, None] > values).sum(1) + (values[:, None] >= values).sum(1) - 1) / 2.0


def spearman(first: Tensor, second: Tensor) -> float:
    """Rank correlation."""
    return float(torch.corrcoef(torch.stack([ranks(first), ranks(second)]))[0, 1])


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
    for index, (label, prompt) in enumerate(PROMPTS.items()):
        other = PROMPTS[LABELS[(index + 10) % len(LABELS)]]
        for seed in range(seeds):
            for form, text, length_s in (
                ("beside", f"{prompt} and {other}", 5.12),
                ("alone", prompt, 2.56),
            ):
                for way, audios in weighted(
                    pipe, text, NAMES[label], seed, audio_length_in_s=length_s, **call
                ):
                    found = judged(judge, audios)[:, index]
                    correlation = spearman(torch.tensor(WEIGHTS), found)
                    yield Weighted(label, seed, f"{form}, {way}", found.tolist(), correlation)


def weighted(
    pipe: Any,  # noqa: ANN401
    prompt: str,
    word: str,
    seed: int,
    **call: Any,  # noqa: ANN401
) -> Iterator[tuple[str, Any]]:
    """The sounds of all weights, held to the source and free."""
    held = pipe.reweight(prompt, [{word: w} for w in WEIGHTS], seed=seed, **call)
    yield "held", held.audios[1:]
    prompts = [prompt.replace(word, f"({word}:{w})", 1) for w in WEIGHTS]
    yield "free", pipe(prompts, seeds=[seed] * len(WEIGHTS), **call).audios


def tell_weights(rows: list[Weighted]) -> dict[str, float]:
    """Print the table; give the means."""
    forms = sorted({row.form for row in rows}, reverse=True)
    print(f"| class | word | scores beside, held, at 0 … 3 | {' | '.join(forms)} |")
    print("|" + "---|" * (3 + len(forms)))
    for label in PROMPTS:
        mine = {f: [row for row in rows if (row.label, row.form) == (label, f)] for f in forms}
        told = torch.tensor([row.scores for row in mine["beside, held"]]).mean(0)
        shown = ", ".join(f"{score:.1f}" for score in told)
        each = " | ".join(f"{mean(row.correlation for row in mine[f]):.2f}" for f in forms)
        print(f"| {label} | {NAMES[label]} | {shown} | {each} |")
    return {f: mean(row.correlation for row in rows if row.form == f) for f in forms}


def main() -> None:
    """Print the tables, and all numbers as JSON lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=1)
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
        found = list(weights(pipe, judge, given.seeds, **call))
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
