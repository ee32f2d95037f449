"""The records of all shards, put together: manifest, rejects, index and facts of a data set."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from auffusion.data.attribution import ATTRIBUTION, write_attribution
from auffusion.data.clips import MANIFEST, SAMPLE_RATE, iter_clips, json_lines
from auffusion.data.listing import SPLITS, Reason
from auffusion.data.shard_worker import PARTS, SHARDS, part_name, shard_name
from auffusion.errors import InputError
from auffusion.files import whole_file, write_file

REJECTS, INDEX, FACTS = "rejects.jsonl", "index.npy", "prepared.json"
"""What was left out and why; where every clip lies; what the data set is. Beside the manifest."""

INDEX_ROW = np.dtype(
    [
        ("shard", "<u4"),
        ("offset", "<u8"),
        ("size", "<u4"),
        ("samples", "<u4"),
        ("split", "u1"),
        ("line", "<u8"),
    ]
)
"""A clip in the index: number of its shard, place and size of its FLAC file there, its length in
samples, number of its split, and where its line begins in the manifest."""

# A list that names a clip twice, as Musical Instruments does for a quarter of it, loses nothing.
_NO_FAULT = frozenset({Reason.SHORT, Reason.MISSING, Reason.REPEATED})


@dataclass(frozen=True, kw_only=True)
class PreparedFacts:
    """What a prepared data set is, as `prepared.json` says it."""

    about: dict[str, Any]
    """Data set, source, rules and versions."""
    clips: dict[str, int]
    """Clips of each split."""
    hours: float
    """Hours of all clips."""
    hours_original: float
    """Hours of the files they were cut from, and of those left out whose length was told."""
    rejects: dict[str, int]
    """Clips and lines left out, by reason."""
    licenses: dict[str, int]
    """Clips of each licence."""
    shards: list[dict[str, Any]]
    """Name, SHA-256, bytes and clips of each shard, in the order of the index."""

    @property
    def count(self) -> int:
        """All clips."""
        return sum(self.clips.values())


def assemble(
    output: Path,
    units: Iterable[str],
    listing_rejects: IO[bytes],
    about: Mapping[str, Any],
    limits: tuple[float, float],
    *,
    attributed: bool = False,
) -> PreparedFacts:
    """Write manifest, rejects, index and facts from the records of all units.

    Args:
        output: the data set's folder.
        units: the ids of all units, in any order; shards and records of others are removed.
        listing_rejects: the lines that list no clip, open at its end.
        about: what `PreparedFacts.about` is to say.
        limits: shares of bad and of missing clips that are too many.
        attributed: also write the list of every clip's source, licence and author.

    Raises:
        InputError: too much is bad or missing, or nothing is left. The rejects are written then,
            the manifest is not.
    """
    order = sorted(units, key=lambda unit: (SPLITS.index(unit.rsplit("-", 1)[0]), unit))
    _remove_others(output, order)
    tally = _Tally(about)
    _write_rejects(output, order, listing_rejects, tally)
    tally.check(limits, output / REJECTS)
    with TemporaryFile() as rows:
        with whole_file(output / MANIFEST) as manifest:
            for row in _clips(output, order, tally):
                rows.write(_index_row(row, manifest.tell(), tally))
                manifest.write(json_lines([row]))
        _write_index(output / INDEX, rows)
    if attributed:
        write_attribution(iter_clips(output), output / ATTRIBUTION)
    facts = tally.facts()
    # Last: where they are, all is there.
    write_file(output / FACTS, (json.dumps(asdict(facts), indent=1) + "\n").encode())
    return facts


class _Tally:
    """Sums over all clips and rejects."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.about = dict(about)
        self.clips: Counter[str] = Counter()
        self.licenses: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()
        self.listed = 0
        self.seconds = self.original = 0.0
        self.shards: list[dict[str, Any]] = []
        self._source = ""

    def add_clip(self, clip: Mapping[str, Any]) -> None:
        self.clips[clip["split"]] += 1
        self.licenses[clip.get("license", "unknown")] += 1
        self.seconds += clip["seconds"]
        # Parts of one file follow each other; it counts once.
        if clip["source"] != self._source:
            self.original += clip["source_seconds"]
        self._source = clip["source"]

    def add_reject(self, reject: Mapping[str, Any]) -> None:
        self.rejects[reject["reason"]] += 1
        self.original += reject["seconds"]

    def check(self, limits: tuple[float, float], rejects: Path) -> None:
        """Refuse what is too bad to train on."""
        left_out = sum(self.rejects.values())
        every = self.listed + left_out
        bad = sum(count for reason, count in self.rejects.items() if reason not in _NO_FAULT)
        told = ", ".join(f"{count} {reason}" for reason, count in self.rejects.most_common())
        for kind, count, most in (
            ("bad", bad, limits[0]),
            ("missing", self.rejects[Reason.MISSING], limits[1]),
        ):
            if count > most * every:
                raise InputError(
                    f"{count} of {every} clips are {kind} ({told}), more than the share of "
                    f"{most:g} that may be: see {rejects}, or allow more"
                )
        if not self.listed:
            raise InputError(
                f"none of {every} listed clips could be prepared ({told or 'nothing is listed'}): "
                f"see {rejects}"
            )

    def facts(self) -> PreparedFacts:
        return PreparedFacts(
            about=self.about,
            clips={split: self.clips[split] for split in SPLITS if self.clips[split]},
            hours=round(self.seconds / 3600, 6),
            hours_original=round(self.original / 3600, 6),
            rejects=dict(sorted(self.rejects.items())),
            licenses=dict(sorted(self.licenses.items())),
            shards=self.shards,
        )


def _parts(output: Path, units: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for unit in units:
        yield unit, json.loads((output / part_name(unit)).read_bytes())


def _write_rejects(
    output: Path, units: Sequence[str], listing_rejects: IO[bytes], tally: _Tally
) -> None:
    with whole_file(output / REJECTS) as file:
        listing_rejects.seek(0)
        for line in listing_rejects:
            tally.add_reject(json.loads(line))
            file.write(line)
        for _, part in _parts(output, units):
            tally.listed += len(part["clips"])
            for reject in part["rejects"]:
                tally.add_reject(reject)
            file.write(json_lines(part["rejects"]))


def _clips(output: Path, units: Sequence[str], tally: _Tally) -> Iterator[dict[str, Any]]:
    for unit, part in _parts(output, units):
        if not part["clips"]:
            continue
        shard = {"name": shard_name(unit), "sha256": part["sha256"], "size": part["size"]}
        tally.shards.append({**shard, "clips": len(part["clips"])})
        for clip in part["clips"]:
            tally.add_clip(clip)
            yield clip


def _index_row(clip: Mapping[str, Any], line: int, tally: _Tally) -> bytes:
    samples = round(clip["seconds"] * SAMPLE_RATE)
    shard, split = len(tally.shards) - 1, SPLITS.index(clip["split"])
    row = (shard, clip["offset"], clip["size"], samples, split, line)
    return np.array([row], INDEX_ROW).tobytes()


def _write_index(path: Path, rows: IO[bytes]) -> None:
    count = rows.tell() // INDEX_ROW.itemsize
    head = {"descr": INDEX_ROW.descr, "fortran_order": False, "shape": (count,)}
    rows.seek(0)
    with whole_file(path) as file:
        np.lib.format.write_array_header_1_0(file, head)
        shutil.copyfileobj(rows, file)


def _remove_others(output: Path, units: Sequence[str]) -> None:
    """Shards and records of an earlier run whose list was longer."""
    known = {output / name(unit) for unit in units for name in (shard_name, part_name)}
    for folder in (SHARDS, PARTS):
        for path in (output / folder).iterdir():
            if path not in known:
                path.unlink()
