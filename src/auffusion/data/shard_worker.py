"""The worker that makes shards: decode, cut, encode, write, and a record of what became of each."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from auffusion.audio.encoding import to_flac
from auffusion.audio.isolated import IsolatedDecoder
from auffusion.data.clips import SAMPLE_RATE, Clip, clip_row
from auffusion.data.cutting import Cut, Refused, cut_clip
from auffusion.data.listing import Listed, Reject, Rules
from auffusion.data.shards import Shard, write_shard
from auffusion.data.units import ShardPlan
from auffusion.executor.contract import Outcome, Status, Unit
from auffusion.executor.outputs import is_output
from auffusion.files import write_file

SHARDS, PARTS = "shards", "parts"
"""The folders of a prepared data set: its tar files, and a record of each."""


def shard_name(unit: str) -> str:
    """The tar file of a unit, relative to the data set's folder."""
    return f"{SHARDS}/{unit}.tar"


def part_name(unit: str) -> str:
    """The record of a unit, relative to the data set's folder."""
    return f"{PARTS}/{unit}.json"


@dataclass(frozen=True, kw_only=True)
class MakeShardWorker:
    """Makes workers; sent to every process."""

    output: Path
    """The data set's folder."""
    dataset: str
    """Its name."""
    rules: Rules
    """How its sounds become clips."""
    seconds: float
    """The longest that one file may take to decode."""
    memory_mb: int
    """The memory that one file may take to decode."""

    def __call__(self) -> "ShardWorker":
        """A worker with a decoder of its own."""
        return ShardWorker(self, IsolatedDecoder(seconds=self.seconds, memory_mb=self.memory_mb))


class ShardWorker:
    """Makes one shard after the other."""

    def __init__(self, job: MakeShardWorker, decoder: IsolatedDecoder) -> None:
        self._job = job
        self._decoder = decoder

    def __call__(self, unit: Unit) -> Outcome:
        """Make the unit's shard, or find it made."""
        plan: ShardPlan = unit.payload
        part = read_part(self._job.output, unit.id)
        if part is not None and part["fingerprint"] == plan.fingerprint:
            return _outcome(unit.id, Status.SKIPPED, part)
        part = self._make(unit.id, plan)
        # The record is written last: where it is, the shard is whole.
        write_file(self._job.output / part_name(unit.id), json.dumps(part).encode())
        return _outcome(unit.id, Status.DONE, part)

    def _make(self, unit: str, plan: ShardPlan) -> dict[str, Any]:
        clips: list[Clip] = []
        rejects: list[Reject] = []
        path = shard_name(unit)
        target = self._job.output / path
        shard = write_shard(target, self._entries(plan, path, clips, rejects))
        if not clips:
            target.unlink()
        placed = [clip_row(clip) for clip in _placed(clips, shard)]
        return {
            "fingerprint": plan.fingerprint,
            "sha256": shard.sha256 if clips else "",
            "size": shard.size if clips else 0,
            "clips": placed,
            "rejects": [asdict(reject) for reject in rejects],
        }

    def _entries(
        self, plan: ShardPlan, path: str, clips: list[Clip], rejects: list[Reject]
    ) -> Iterator[tuple[str, bytes]]:
        """The members of the shard; tells what became of every clip."""
        for listed in plan.clips:
            try:
                cut = cut_clip(listed, self._job.rules, self._decoder)
            except Refused as refused:
                rejects.append(_reject(listed, refused))
                continue
            clip = self._clip(listed, cut, path)
            clips.append(clip)
            yield f"{clip.id}.flac", to_flac(cut.samples, SAMPLE_RATE, {})
            yield f"{clip.id}.json", json.dumps(_described(clip), ensure_ascii=False).encode()

    def _clip(self, listed: Listed, cut: Cut, path: str) -> Clip:
        return Clip(
            id=f"{self._job.dataset}-{listed.key}",
            dataset=self._job.dataset,
            path=path,
            captions=listed.captions,
            split=listed.split,
            seconds=len(cut.samples) / SAMPLE_RATE,
            sha256=hashlib.sha256(cut.samples.astype("<i2").tobytes()).hexdigest(),
            labels=listed.labels,
            source=listed.source,
            start_s=listed.start_s,
            source_seconds=round(cut.source_seconds, 4),
            source_rate=cut.source_rate,
            origin=listed.origin,
            license=listed.license,
            license_url=listed.license_url,
            author=listed.author,
            extra=listed.extra,
        )


def read_part(output: Path, unit: str) -> dict[str, Any] | None:
    """The record of a shard that is there and whole; else None."""
    try:
        part: dict[str, Any] = json.loads((output / part_name(unit)).read_bytes())
        whole = not part["clips"] or is_output(output / shard_name(unit), part["sha256"])
    except (OSError, ValueError, KeyError):
        return None
    return part if whole else None


def _described(clip: Clip) -> dict[str, Any]:
    # Where a clip lies in its shard is not yet known when it is written there.
    return {name: value for name, value in clip_row(clip).items() if name != "path"}


def _placed(clips: list[Clip], shard: Shard) -> list[Clip]:
    """The clips with the places of their sounds."""
    sounds = shard.members[::2]
    return [
        replace(clip, offset=member.offset, size=member.size)
        for clip, member in zip(clips, sounds, strict=True)
    ]


def _reject(listed: Listed, refused: Refused) -> Reject:
    return Reject(
        key=listed.key,
        source=listed.source,
        reason=refused.reason,
        detail=refused.detail,
        seconds=round(refused.seconds, 4),
    )


def _outcome(unit: str, status: Status, part: dict[str, Any]) -> Outcome:
    reasons = Counter(reject["reason"] for reject in part["rejects"])
    seconds = sum(clip["seconds"] for clip in part["clips"])
    facts = {"clips": len(part["clips"]), "seconds": seconds, "rejects": dict(reasons)}
    return Outcome(id=unit, status=status, facts=facts)
