"""A data set's list, dealt out in units of one shard each."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from auffusion.data.clips import json_lines
from auffusion.data.listing import Listed, Listing, Reason, Reject
from auffusion.executor.contract import Unit


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """What one shard is to hold."""

    clips: tuple[Listed, ...]
    """In order."""
    fingerprint: str
    """Of the clips, their files' sizes and times, and all that decides how they are cut."""


def deal(
    listing: Listing, shard_clips: int, basis: Mapping[str, Any], rejects: BinaryIO
) -> Iterator[Unit]:
    """Units of one split each, `SPLIT-00000` and so on, drawn from a listing as they are needed.

    Args:
        listing: the data set's clips.
        shard_clips: clips of a unit.
        basis: what decides the bytes of a shard besides its clips: rules, versions.
        rejects: where the lines that list no clip, and those that list one again, are written.
    """
    open_shards: dict[str, list[Listed]] = {}
    counts: dict[str, int] = {}
    with closing(_KeysSeen()) as seen:
        for one in listing:
            if isinstance(one, Listed) and seen.add(one.key):
                shard = open_shards.setdefault(one.split, [])
                shard.append(one)
                if len(shard) == shard_clips:
                    yield _unit(one.split, counts, open_shards.pop(one.split), basis)
            else:
                rejects.write(json_lines([asdict(_rejected(one))]))
    for split, shard in sorted(open_shards.items()):
        yield _unit(split, counts, shard, basis)


def _rejected(one: Listed | Reject) -> Reject:
    if isinstance(one, Reject):
        return one
    detail = f"{one.source} is listed as {one.key}, which an earlier clip is called"
    return Reject(key=one.key, source=one.source, reason=Reason.REPEATED, detail=detail)


def _unit(
    split: str, counts: dict[str, int], clips: list[Listed], basis: Mapping[str, Any]
) -> Unit:
    number = counts[split] = counts.get(split, -1) + 1
    told = [basis, *([_row(clip), _state(clip.file)] for clip in clips)]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    plan = ShardPlan(clips=tuple(clips), fingerprint=digest.hexdigest())
    return Unit(id=f"{split}-{number:05d}", payload=plan)


def _row(clip: Listed) -> dict[str, Any]:
    # The file's address differs from machine to machine; what the data set calls it does not.
    return {name: value for name, value in asdict(clip).items() if name != "file"}


def _state(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


class _KeysSeen:
    """A set of keys on disk: a million of them need no more memory than a hundred."""

    def __init__(self) -> None:
        # An empty name is a temporary database that leaves memory when its cache is full.
        self._table = sqlite3.connect("")
        self._table.execute("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, key: str) -> bool:
        """Whether the key is new."""
        done = self._table.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,))
        return done.rowcount == 1

    def close(self) -> None:
        self._table.close()
