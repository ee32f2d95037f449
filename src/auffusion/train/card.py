"""The card of a trained model: what it was made of and how, for others to judge and repeat."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auffusion.data.assembling import PreparedFacts
from auffusion.files import write_file
from auffusion.train.journal import LOG
from auffusion.train.listening import MEASURED

CARD = "README.md"


def write_card(
    folder: Path,
    *,
    kind: str,
    config: Mapping[str, Any],
    data: PreparedFacts,
    run: Path,
    more: Sequence[PreparedFacts] = (),
    use: str = "",
) -> None:
    """Write a model's card from what its run left behind.

    Args:
        folder: the model's.
        kind: what was trained.
        config: all settings of the run.
        data: what it was trained on.
        run: the run's folder, with its log and pages of sounds.
        more: what else it was trained on.
        use: how it is used, where that is not `from_pretrained` alone.
    """
    usage = f"\n## Use\n\n{use}\n" if use else ""
    told = "\n\n".join(map(_told, (data, *more)))
    text = f"""---
library_name: auffusion
pipeline_tag: text-to-audio
tags: [text-to-audio, auffusion]
---

# {folder.parent.name}

Trained by `auffusion train {kind}`.
{usage}
## Data

{told}

Whoever passes this model on must look at these licences.

## Recipe

```json
{json.dumps(dict(config), indent=1, default=str)}
```

## Curve

{_curve(run / LOG)}

The whole log stands in `log.jsonl` of the run, sounds of the finished model in `sounds`.
{_measured(run)}
"""
    write_file(folder / CARD, text.encode())


def _measured(run: Path) -> str:
    """What the last page of sounds measured, where its kind of run measures."""
    pages = sorted((run / "sounds").glob(f"step-*/{MEASURED}"))
    if not pages:
        return "How good it is was not measured here."
    found: dict[str, float] = json.loads(pages[-1].read_bytes())
    values = ", ".join(f"{name} {value:.4g}" for name, value in found.items())
    return f"On validation clips: {values}."


def _told(data: PreparedFacts) -> str:
    licences = ", ".join(f"{name} ({count:,})" for name, count in data.licenses.items())
    home = f" ({data.about['homepage']})" if data.about["homepage"] else ""
    return (
        f"{data.about['title']}: {data.count:,} clips, {data.hours:.2f} hours{home}. Licences of "
        f"the clips: {licences}."
    )


def _curve(log: Path) -> str:
    """The log's values at its beginning, in its middle and at its end, as means of a twentieth."""
    with log.open(encoding="utf-8") as file:
        lines: list[dict[str, Any]] = [json.loads(line) for line in file]
    names = [name for name in lines[0] if name not in {"step", "rate", "left_out"}]
    part = max(1, len(lines) // 20)
    rows = [f"| steps | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for start in (0, max(0, len(lines) // 2 - part // 2), len(lines) - part):
        piece = lines[start : start + part]
        cells = [_mean([line.get(name) for line in piece]) for name in names]
        rows.append(f"| {piece[0]['step']}-{piece[-1]['step']} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.4g}" if known else "-"
