"""Maps and scores of words as files for further work: CSV and NPZ."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auffusion.attention.grounding import Grounding
from auffusion.attention.heatmap import Heatmap
from auffusion.attention.picture import MapRow

_COLUMNS = ("row", "word", "low_hz", "high_hz", "start_s", "end_s", "share")
_SCORES = ("row", "word", "mean_share", "agreement", "chance", "p_value", "concentration")


def maps_csv(rows: Sequence[MapRow]) -> bytes:
    """A line for each place of each map: its frequencies, its seconds, its share of attention."""
    lines: list[Sequence[Any]] = [_COLUMNS]
    for row in rows:
        for word, one in row.maps.items():
            lines += [(row.label, word, *place) for place in _places(one)]
    return _csv(lines)


def _places(one: Heatmap) -> list[tuple[str, ...]]:
    hertz, seconds = ([f"{edge:.6g}" for edge in edges] for edges in (one.edges_hz, one.edges_s))
    return [
        (hertz[r + 1], hertz[r], seconds[c], seconds[c + 1], f"{float(share):.6g}")
        for r, shares in enumerate(one.values)
        for c, share in enumerate(shares)
    ]


def maps_npz(rows: Sequence[MapRow]) -> bytes:
    """The same as arrays, read by `numpy.load` without pickle.

    For row k of the picture `k/label`, `k/words` [word], `k/shares` [word, row, column],
    `k/edges_hz` [row + 1] downwards and `k/edges_s` [column + 1].
    """
    arrays: dict[str, Any] = {}
    for number, row in enumerate(rows):
        first = next(iter(row.maps.values()))
        arrays |= {
            f"{number}/label": np.array(row.label),
            f"{number}/words": np.array(list(row.maps)),
            f"{number}/shares": np.stack([one.values.numpy() for one in row.maps.values()]),
            f"{number}/edges_hz": first.edges_hz,
            f"{number}/edges_s": first.edges_s,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def scores_csv(rows: Sequence[MapRow], scores: Sequence[Mapping[str, Grounding | None]]) -> bytes:
    """A line for each word of each row; what could not be scored is empty."""
    lines: list[Sequence[Any]] = [(*_SCORES, "distinctness", "grounded")]
    for row, found in zip(rows, scores, strict=True):
        for word, one in row.maps.items():
            score = found[word]
            told = (
                ("",) * 6
                if score is None
                else (
                    f"{score.agreement:.6g}",
                    f"{score.chance:.6g}",
                    f"{score.p_value:.6g}",
                    f"{score.concentration:.6g}",
                    "" if score.distinctness is None else f"{score.distinctness:.6g}",
                    "yes" if score.grounded else "no",
                )
            )
            lines.append((row.label, word, f"{float(one.values.mean()):.6g}", *told))
    return _csv(lines)


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
