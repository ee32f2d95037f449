"""The findings of a check, counted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auffusion.data.doctor.against import OtherSet
from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.manifest import Manifest
from auffusion.data.doctor.report import Example, Held, Histogram, Report, Share
from auffusion.data.doctor.store import Store, in_chunks, rank_of
from auffusion.data.listing import SPLITS
from auffusion.errors import InputError

_MOST_LICENSES = 20
_CHUNK = 65_536
_LENGTHS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_MEASURES = (
    ("length", "seconds", "s", _LENGTHS),
    ("peak", "peak", "dB", tuple(map(float, range(-60, 6, 3)))),
    ("level", "rms", "dB", tuple(map(float, range(-80, 5, 5)))),
)
_SHARES = """
SELECT {column}, COUNT(*), SUM(ifnull(measures.seconds, ifnull(rows.seconds, 0.0))) / 3600,
       SUM(1 - bad), SUM((1 - bad) * ifnull(measures.seconds, ifnull(rows.seconds, 0.0))) / 3600
FROM rows LEFT JOIN measures USING (number) WHERE part = 0 AND {column} IS NOT NULL
GROUP BY {column}
"""


def summarise(store: Store, manifest: Manifest, others: Sequence[OtherSet]) -> Report:
    """The report of a check that is done.

    Raises:
        InputError: the data set has no rows.
    """
    (rows, rejected) = store.one("SELECT COUNT(*), SUM(bad) FROM rows WHERE part = 0")
    if not rows:
        raise InputError(f"{manifest.path} lists no sounds")
    (found,) = store.one("SELECT COUNT(DISTINCT number) FROM findings")
    counts = dict(store.db.execute("SELECT rank, COUNT(*) FROM findings GROUP BY rank"))
    faults = {one: counts[rank_of(one)] for one in Fault if rank_of(one) in counts}
    splits: list[tuple[Any, ...]] = sorted(store.db.execute(_SHARES.format(column="split")))
    licenses: list[tuple[Any, ...]] = list(
        store.db.execute(f"{_SHARES.format(column='license')} ORDER BY 3 DESC, 2 DESC, 1")
    )
    return Report(
        name=manifest.name,
        rows=rows,
        opened=_opened(store, 0),
        rejected=rejected,
        warned=found - rejected,
        faults=faults,
        splits=tuple(_share(SPLITS[int(row[0])], row) for row in splits),
        licenses=_largest([_share(row[0], row) for row in licenses]),
        histograms=_histograms(store),
        examples={fault: _examples(store, fault) for fault in faults},
        held=tuple(_held(store, part, other) for part, other in enumerate(others, start=1)),
        checks=store.checks,
        manifest=manifest,
        store=store,
    )


def _opened(store: Store, part: int) -> int:
    query = "SELECT COUNT(*) FROM measures JOIN rows USING (number) WHERE part = ?"
    return store.one(query, part)[0]


def _held(store: Store, part: int, other: OtherSet) -> Held:
    (rows,) = store.one("SELECT COUNT(*) FROM rows WHERE part = ?", part)
    return Held(name=other.name, rows=rows, opened=_opened(store, part))


def _share(name: str, row: tuple[Any, ...]) -> Share:
    _, rows, hours, clean_rows, clean_hours = row
    return Share(
        name=name,
        rows=rows,
        hours=round(hours, 6),
        clean_rows=clean_rows,
        clean_hours=round(clean_hours, 6),
    )


def _largest(shares: list[Share]) -> tuple[Share, ...]:
    """The largest, and all others as one: a hostile list has a licence a row."""
    rest = shares[_MOST_LICENSES:]
    if not rest:
        return tuple(shares)
    others = Share(
        name=f"{len(rest)} others",
        rows=sum(one.rows for one in rest),
        hours=round(sum(one.hours for one in rest), 6),
        clean_rows=sum(one.clean_rows for one in rest),
        clean_hours=round(sum(one.clean_hours for one in rest), 6),
    )
    return (*shares[:_MOST_LICENSES], others)


def _histograms(store: Store) -> tuple[Histogram, ...]:
    if not _opened(store, 0):
        return ()
    counts = [np.zeros(len(edges) - 1, np.int64) for *_, edges in _MEASURES]
    rows = store.db.execute(
        "SELECT measures.seconds, peak, rms FROM measures JOIN rows USING (number) WHERE part = 0"
    )
    for chunk in in_chunks(rows, _CHUNK):
        for count, values, (*_, edges) in zip(counts, np.array(chunk).T, _MEASURES, strict=True):
            count += _counted(values, edges)
    return tuple(
        Histogram(title=title, unit=unit, edges=edges, counts=tuple(int(one) for one in count))
        for count, (title, _, unit, edges) in zip(counts, _MEASURES, strict=True)
    )


def _counted(values: NDArray[np.float64], edges: tuple[float, ...]) -> NDArray[np.int64]:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]


def _examples(store: Store, fault: Fault) -> tuple[Example, ...]:
    found = list(store.findings(fault, store.checks.examples))
    return tuple(
        Example(
            place=one.place,
            id=one.id,
            caption=store.shown(one.number).caption,
            detail=one.detail,
        )
        for one in found
    )
