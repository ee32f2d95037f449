"""The scores of a protocol on material whose features are known: values, intervals, controls."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import (
    FEWEST_CLIPS,
    Clips,
    Interval,
    Replicates,
    interval,
    replicates,
)
from auffusion.evaluate.controls import derangement, halves
from auffusion.evaluate.material import Material
from auffusion.evaluate.measure import Measure, Measured, Needs
from auffusion.evaluate.protocol import NamedProtocol, Score
from auffusion.evaluate.result import ScoreResult

OnScore = Callable[[str], None]
"""Told the title of each score before it is computed."""

_FEW_CLIPS = 50


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """How intervals are made."""

    replicates: int = 1000
    """Draws; 0 makes no intervals. One of an FD of 761 clips takes some 20 ms."""
    level: float = 0.95
    """Of the intervals."""
    seed: int = 0
    """Of the draws, and of the controls."""

    def __post_init__(self) -> None:
        if self.replicates < 0 or self.replicates == 1 or not 0.0 < self.level < 1.0:
            raise InputError(
                f"{self.replicates} draws and a level of {self.level:g} make no interval: expected "
                "2 draws or more, or 0 for none, and a level between 0 and 1"
            )


def check_enough(protocol: NamedProtocol, reference: int, generated: int) -> None:
    """Refuse too few clips before anything is computed.

    Raises:
        InputError: a score needs more of them.
    """
    for score in protocol.scores:
        used = generated
        if Needs.REFERENCE in score.measure.needs:
            used = min(reference, generated)
        if used < score.measure.fewest:
            raise InputError(
                f"{score.heading.title} needs at least {score.measure.fewest} clips and there are "
                f"{used}: give more, or leave it out by naming the other scores (--scores)"
            )


def score_all(
    protocol: NamedProtocol,
    material: Material,
    *,
    controls: Mapping[str, Material],
    certainty: Certainty,
    on_score: OnScore = lambda _: None,
) -> tuple[ScoreResult, ...]:
    """All scores.

    Args:
        protocol: which.
        material: the system's.
        controls: by name, the material of systems whose quality is known.
        certainty: how intervals are made.
        on_score: told of each.

    Raises:
        InputError: what a metric refuses.
    """
    found: list[ScoreResult] = []
    for score in protocol.scores:
        on_score(score.heading.title)
        try:
            found.append(_scored(score, material, controls, certainty))
        except InputError as error:
            raise InputError(f"{score.heading.title}: {error}") from error
    return tuple(found)


def _scored(
    score: Score, material: Material, controls: Mapping[str, Material], certainty: Certainty
) -> ScoreResult:
    measured = score.measure(material)
    drawn, told, notes = _drawn(measured, material, certainty)
    beside, refused = _controls(score.measure, controls)
    return ScoreResult(
        name=score.name,
        title=score.heading.title,
        better=score.heading.better,
        value=measured.value,
        interval=told,
        details=dict(measured.details),
        controls=beside,
        notes=(*notes, *_gaussian_notes(measured), *refused),
        values=None if measured.values is None else tuple(measured.values.tolist()),
        replicates=None if drawn is None else tuple(drawn.tolist()),
    )


def _drawn(
    measured: Measured, material: Material, certainty: Certainty
) -> tuple[Replicates | None, Interval | None, list[str]]:
    clips = Clips(
        reference=len(material.reference),
        generated=len(material.generated),
        paired=material.paired,
    )
    fewest = min(clips.reference, clips.generated)
    if not certainty.replicates:
        return None, None, []
    if fewest < FEWEST_CLIPS:
        return None, None, [f"no interval: {fewest} clips are too few for one"]
    drawn = replicates(measured.statistic, clips, count=certainty.replicates, seed=certainty.seed)
    told = interval(
        measured.value,
        drawn,
        method=measured.method,
        level=certainty.level,
        seed=certainty.seed,
    )
    few = f"{fewest} clips are few: the interval is narrower than it should be"
    return drawn, told, [few] if fewest < _FEW_CLIPS else []


def _gaussian_notes(measured: Measured) -> Iterable[str]:
    fewest = min(measured.rows)
    if measured.features and fewest <= measured.features:
        yield (
            f"{fewest} rows for {measured.features} features: the value depends strongly on the "
            "number of clips; compare only with as many"
        )


def _controls(
    measure: Measure, controls: Mapping[str, Material]
) -> tuple[dict[str, float], list[str]]:
    """The measure of each control that says something about it."""
    found: dict[str, float] = {}
    refused: list[str] = []
    for name, material in controls.items():
        if not CONTROLS[name](measure):
            continue
        try:
            found[name] = measure(material).value
        except InputError as error:
            refused.append(f"no control '{name}': {error}")
    return found, refused


def _only_generated(measure: Measure) -> bool:
    return Needs.REFERENCE not in measure.needs


def _of_distributions(measure: Measure) -> bool:
    return Needs.REFERENCE in measure.needs and Needs.PAIRS not in measure.needs


def _of_pairs(measure: Measure) -> bool:
    return bool(measure.needs & {Needs.PAIRS, Needs.CAPTIONS})


def _of_any(_measure: Measure) -> bool:
    return True


CONTROLS: dict[str, Callable[[Measure], bool]] = {
    "reference": _only_generated,
    "split-half": _of_distributions,
    "shuffled": _of_pairs,
    "silence": _of_any,
    "noise": _of_any,
}
"""For which measures each control says something: the recordings themselves, their halves against
each other, every clip in another one's place, silence, and white noise."""


def orderings(material: Material, seed: int) -> dict[str, Material]:
    """Controls that are the same clips in another order or place.

    Args:
        material: the system's.
        seed: of the halves and of the order.
    """
    reference, generated = material.reference, material.generated
    found = {"reference": replace(material, generated=reference)}
    if len(reference) >= 4:
        first, second = halves(len(reference), seed)
        found["split-half"] = replace(
            material,
            reference=reference.take(first.tolist()),
            generated=reference.take(second.tolist()),
            paired=False,
            captions=None,
        )
    if len(generated) >= 2:
        order = derangement(len(generated), seed)
        found["shuffled"] = replace(material, generated=generated.take(order.tolist()))
    return found
