"""Ten seconds of a video: the clips of AudioSet's relatives.

Which of them are missing is what their preparer says, so that the two never disagree: about the
lists, about lines that name no clip, and about the names under which a sound is found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from auffusion.data.listing import Listing, Reason, Reject, clip_key
from auffusion.errors import InputError

CLIP_S = 10
"""All clips are so long."""

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_ORIGIN = "youtube:"
_START = re.compile(r"(?<![A-Za-z0-9_])[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class VideoClip:
    """Where in which video."""

    youtube_id: str
    """Eleven letters, digits, `-` and `_`; nothing else becomes part of an address."""
    start_s: int
    """Its first second."""

    def __post_init__(self) -> None:
        if not _YOUTUBE_ID.fullmatch(self.youtube_id):
            raise InputError(f"{self.youtube_id[:40]!r} is no id of a video at YouTube")
        if self.start_s < 0:
            raise InputError(f"{self.start_s} s is before the beginning of {self.youtube_id}")

    @property
    def name(self) -> str:
        """What its file is called, without the ending; the preparers look for this."""
        return f"{self.youtube_id}_{self.start_s}"

    @property
    def url(self) -> str:
        """Its video."""
        return f"https://www.youtube.com/watch?v={self.youtube_id}"


def missing_clips(listing: Listing) -> Iterator[VideoClip]:
    """The clips of whose sounds a preparer says that they are not there, each once."""
    seen: set[VideoClip] = set()
    for one in listing:
        clip = _clip(one) if isinstance(one, Reject) and one.reason is Reason.MISSING else None
        if clip is not None and clip not in seen:
            seen.add(clip)
            yield clip


def _clip(reject: Reject) -> VideoClip | None:
    """The clip that a preparer misses.

    >>> miss = Reject(key=clip_key("-5weqk40jaI", 30), source="youtube:-5weqk40jaI",
    ...               reason=Reason.MISSING, detail="")
    >>> _clip(miss)
    VideoClip(youtube_id='-5weqk40jaI', start_s=30)
    """
    youtube_id = reject.source.removeprefix(_ORIGIN)
    if not _YOUTUBE_ID.fullmatch(youtube_id):
        return None
    # The start is the number that makes the key; a key may hold others, of the id or its hash.
    for start in map(int, _START.findall(reject.key)):
        if clip_key(youtube_id, start) == reject.key:
            return VideoClip(youtube_id=youtube_id, start_s=start)
    return None
