"""A result for people: a table of its scores, and sentences on what to bear in mind."""

from collections.abc import Iterator

from auffusion.evaluate.result import Result, ScoreResult, SideResult
from auffusion.evaluate.tables import ARROWS, Cell, Table, ends, number, spread_of


def result_table(result: Result) -> Table:
    """A row a score: value, interval, mean of the draws, and the controls beside it."""
    controls = tuple(dict.fromkeys(name for one in result.scores for name in one.controls))
    told = next((one.interval for one in result.scores if one.interval is not None), None)
    interval = () if told is None else (f"{told.level:.0%} interval", "mean of draws")
    rows = [_row(one, controls, drawn=bool(interval)) for one in result.scores]
    return Table(columns=("score", "value", *interval, *controls), rows=tuple(rows))


def _row(score: ScoreResult, controls: tuple[str, ...], *, drawn: bool) -> tuple[Cell, ...]:
    told = score.interval
    spread = None if told is None else spread_of(told)
    cells = [f"{score.title} {ARROWS[score.better]}", number(score.value, spread)]
    if drawn and told is not None:
        cells += [f"{ends(told)} {told.method}", number(told.replicate_mean, spread)]
    elif drawn:
        cells += ["-", "-"]
    cells += [number(score.controls[one]) if one in score.controls else "-" for one in controls]
    return tuple(Cell(text=text) for text in cells)


def remarks(result: Result) -> Iterator[str]:
    """Sentences: the state of both sides, what was left out, and notes on scores."""
    yield _state("reference", result.reference)
    yield _state("generated", result.generated)
    for name, side in (("reference", result.reference), ("generated", result.generated)):
        for extractor, count in side.filled.items():
            yield f"{name}: {count} clips are too short for {extractor} and were filled up"
    for what, names in (
        ("references without a generated clip", result.missing),
        ("generated clips without a reference", result.extra),
    ):
        if names:
            yield f"left out: {len(names)} {what} ({', '.join(names[:3])}{'…' * (len(names) > 3)})"
    noted: dict[str, list[str]] = {}
    for score in result.scores:
        for note in score.notes:
            noted.setdefault(note, []).append(score.title)
    for note, titles in noted.items():
        everywhere = len(titles) == len(result.scores)
        yield note if everywhere else f"{', '.join(titles)}: {note}"


def _state(name: str, side: SideResult) -> str:
    state = side.condition
    lengths = f"{state.shortest_s:.2f} s"
    if state.longest_s - state.shortest_s >= 0.005:
        lengths = f"{state.shortest_s:.2f} to {state.longest_s:.2f} s"
    rates = ", ".join(f"{count} at {rate} Hz" for rate, count in state.rates.items())
    return (
        f"{name}: {state.clips} clips of {lengths} ({rates}), {state.silent} silent, "
        f"{state.clipped} clipped"
    )
