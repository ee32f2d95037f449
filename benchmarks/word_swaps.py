"""Word swaps, judged: does the class change, and does the rest stay?

A is exchanged for C.

- `alone`: three others for each of ten classes; told is how often the judge names A before and C
  after, of those in which it names A.
- `beside`: "A and B" becomes "C and B", for all ordered pairs of the ten classes whose *unedited*
  sound the judge hears both of among its first five (seed 0), C being the next of the ten; told is
  how often the judge's preference moves from A towards C, how often it then prefers C, how often B
  is still among its first five, and what became of B's log-probability.

Of both is told how far the sound moved: the mean difference of its log-mel from the source's, and
the correlation of loudness over time with it. `plain` is the same prompt and seed generated
without the source's attention, `0.8/0.4` an edit with these windows of cross- and self-attention.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from embedded_classes import LABELS, PROMPTS, Judge, scores
from torch import Tensor

from auffusion.image import Panel, stacked_figure
from auffusion.mel import DB_A_NEPER

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
WINDOWS = {"0.8/0.4": (0.8, 0.4), "0.4/0.2": (0.4, 0.2)}
"""Windows of cross- and self-attention."""
_ONLY = {
    "alone": ("B still among five", "change of B's log-probability"),
    "beside": ("judged A before", "of these judged C after"),
}
"""What is not told of each kind of scene."""


def judged(judge: Judge, audios: Any) -> Tensor:  # noqa: ANN401
    """Log-probabilities of the classes, a row a sound."""
    return torch.stack([scores(judge, audio[None].float().cpu()) for audio in audios])


def mean(values: Any) -> float:  # noqa: ANN401
    """Of anything that counts."""
    return float(torch.tensor([float(value) for value in values]).mean())


@dataclass
class Swapped:
    """A sound before and after, edited or plainly made anew."""

    scene: str
    seed: int
    form: str
    before: list[float]
    """Log-probabilities of A, B, C in the source; B is C where it is alone."""
    after: list[float]
    """In the edit."""
    ranks: list[int]
    """Of A in the source, of C in the edit, of B in both, from 0."""
    moved_db: float
    """Mean difference of log-mel from the source's."""
    loudness: float
    """Correlation of loudness over time with the source's."""

    @property
    def margins(self) -> tuple[float, float]:
        """By how much C is preferred to A, before and after."""
        return self.before[2] - self.before[0], self.after[2] - self.after[0]


def scenes(pipe: Any, judge: Judge, **call: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """A, B and C of each scene that is heard as both A and B, and of each class alone."""
    for index, a in enumerate(SCENES):
        for step in (1, 2, 3):
            yield a, "", SCENES[(index + step) % len(SCENES)]
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
        source, target = (PROMPTS[x] + (f" and {PROMPTS[b]}" if b else "") for x in (a, c))
        places = [LABELS.index(one) for one in (a, b or c, c)]
        for seed in range(seeds):
            made = swapped(pipe, source, target, seed, **call)
            first, before = made["source"][0], judged(judge, made["source"][1][None])[0]
            for form in (*WINDOWS, "plain"):
                mel, audio = made[form]
                after = judged(judge, audio[None])[0]
                yield Swapped(
                    scene=f"{a} → {c}" + (f" beside {b}" if b else ""),
                    seed=seed,
                    form=("beside, " if b else "alone, ") + form,
                    before=before[places].tolist(),
                    after=after[places].tolist(),
                    ranks=[
                        int((found > found[place]).sum())
                        for found, place in (
                            (before, places[0]),
                            (after, places[2]),
                            (before, places[1]),
                            (after, places[1]),
                        )
                    ],
                    moved_db=float((mel - first).abs().mean() * DB_A_NEPER),
                    loudness=float(torch.corrcoef(torch.stack([loud(first), loud(mel)]))[0, 1]),
                )
            if pictures is not None and seed == 0:
                draw(pictures / f"{a}_{c}_{b}.png".replace(" ", "_"), source, target, made)


def swapped(
    pipe: Any,  # noqa: ANN401
    source: str,
    target: str,
    seed: int,
    **call: Any,  # noqa: ANN401
) -> dict[str, tuple[Tensor, Tensor]]:
    """Log-mel and samples of the source, of each edit and of the plain target."""
    made: dict[str, tuple[Tensor, Tensor]] = {}
    for form, (cross, own) in WINDOWS.items():
        edit = pipe.swap(
            source, target, seed=seed, cross_replace_steps=cross, self_replace_steps=own, **call
        )
        made["source"] = edit.spectrograms[0], edit.audios[0]
        made[form] = edit.spectrograms[1], edit.audios[1]
    plain = pipe(target, seeds=[seed], **call)
    return made | {"plain": (plain.spectrograms[0], plain.audios[0])}


def draw(path: Path, source: str, target: str, made: dict[str, tuple[Tensor, Tensor]]) -> None:
    """All spectrograms above each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    titles = {"source": source} | {form: f"{form}: {target}" for form in made if form != "source"}
    panels = [Panel(log_mel=made[form][0], title=title) for form, title in titles.items()]
    stacked_figure(panels).save(path)


def loud(log_mel: Tensor) -> Tensor:
    """Loudness over time."""
    return log_mel.float().logsumexp(dim=0)


def tell_swaps(rows: list[Swapped]) -> dict[str, dict[str, float]]:
    """Print the tables; give the shares."""
    told: dict[str, dict[str, float]] = {}
    for form in dict.fromkeys(row.form for row in rows):
        mine = [row for row in rows if row.form == form]
        named = [row for row in mine if row.ranks[0] == 0]
        told[form] = {
            "swaps": len(mine),
            "judged A before": mean(row.ranks[0] == 0 for row in mine),
            "of these judged C after": mean(row.ranks[1] == 0 for row in named),
            "preference moved towards C": mean(r.margins[1] > r.margins[0] for r in mine),
            "C preferred to A": mean(row.margins[1] > 0 for row in mine),
            "B still among five": mean(row.ranks[3] < _AMONG for row in mine),
            "change of B's log-probability": mean(row.after[1] - row.before[1] for row in mine),
            "log-mel moved, dB": mean(row.moved_db for row in mine),
            "correlation of loudness": mean(row.loudness for row in mine),
        }
    for kind in ("alone", "beside"):
        forms = [form for form in told if form.startswith(kind)]
        print(f"| {' | '.join(['', *forms])} |\n|{'---|' * (1 + len(forms))}")
        for name in told[forms[0]]:
            # Alone there is no B; beside it, neither A nor C need be the loudest.
            if name not in _ONLY.get(kind, ()):
                shown = " | ".join(f"{told[form][name]:.2f}" for form in forms)
                print(f"| {name} | {shown} |")
    return told
