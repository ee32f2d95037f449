"""The embedded model's card, written from what the runs left behind."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from auffusion.data.clips import Clip, read_clips

_HEAD = """---
license: cc-by-sa-4.0
library_name: auffusion
pipeline_tag: text-to-audio
tags: [text-to-audio, sound-effects]
---

# The embedded model of Auffusion

A small text-to-audio model that ships with the package and needs nothing downloaded: 16 kHz mono,
10.24 s or any other length. It is best at growls, screams, footsteps, birds, wind, fire, thunder,
kick drums and bells; it is weak at dogs, doors, shots and drum patterns, and it does not know
speech, conversation, streets or kitchens: it was trained for two hours on two processor cores. Use
it to try things; use the published checkpoints for quality.
"""


def write_card(work: Path, target: Path, *, judged: str, notes: str) -> None:
    """MODEL_CARD.md in `target`.

    Args:
        work: the recipe's folder, with `runs/` and `library/`.
        target: the model's folder.
        judged: output of `benchmarks/embedded_classes.py`.
        notes: what a reader must know of how this very run went.
    """
    clips = read_clips(work / "library")
    statistics = json.loads((work / "mel_statistics.json").read_text(encoding="utf-8"))
    parts = [
        _HEAD,
        "## What it can do\n\n" + judged,
        "## Training data\n\n" + _data(clips),
        f"Mel statistics of the training clips (peak 0.95): mean {statistics['mean']:.4f}, "
        f"standard deviation {statistics['deviation']:.4f} over {statistics['values']:,} values.",
        "## Training\n\n"
        + "\n".join(_run(work / "runs" / name) for name in ("vae", "vocoder", "unet")),
        notes,
        "## Parts\n\n" + _sizes(target),
        "## Licence\n\nCC-BY-SA-4.0. `ATTRIBUTION.tsv` names every training clip with package, "
        "version, source, licence and author. The text encoder is all-MiniLM-L6-v2 (Apache-2.0), "
        "reduced by `auffusion/recipes/minilm.py`.",
    ]
    (target / "MODEL_CARD.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _data(clips: list[Clip]) -> str:
    rows = ["| split | tier | clips | hours |", "|---|---|---|---|"]
    count: Counter[tuple[str, str]] = Counter()
    hours: dict[tuple[str, str], float] = defaultdict(float)
    for clip in clips:
        key = clip.split, "rendered" if clip.extra["rendered"] else str(clip.extra["tier"])
        count[key] += 1
        hours[key] += clip.seconds / 3600
    rows += [f"| {s} | {t} | {count[s, t]:,} | {hours[s, t]:.2f} |" for s, t in sorted(count)]
    listed = (
        "Clips listed in `auffusion/data/preparers/embedded_sounds.jsonl`, from Debian 12 and PyPI "
        "packages."
    )
    return listed + "\n\n" + "\n".join(rows)


def _run(folder: Path) -> str:
    settings: dict[str, Any] = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    log: list[dict[str, float]] = [json.loads(line) for line in lines]
    tail = log[-max(1, len(log) // 20) :]
    last = {
        k: sum(row[k] for row in tail) / len(tail)
        for k in log[0]
        if k not in {"step", "seconds", "norm"}
    }
    losses = ", ".join(f"{name} {log[0][name]:.3f} → {value:.3f}" for name, value in last.items())
    steps, minutes = log[-1]["step"], log[-1]["seconds"] / 60
    return (
        f"- **{folder.name}**: {steps:.0f} steps in {minutes:.0f} minutes; {losses}. "
        f"Settings: `{json.dumps(settings)}`"
    )


def _sizes(target: Path) -> str:
    sizes = [(p, p.stat().st_size) for p in sorted(target.rglob("*.safetensors"))]
    rows = [f"| `{p.relative_to(target)}` | {size / 1e6:.2f} |" for p, size in sizes]
    total = sum(size for _, size in sizes) / 1e6
    return "\n".join(["| file | MB |", "|---|---|", *rows, f"| all | {total:.2f} |"])
