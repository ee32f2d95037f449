"""The clips that cannot be had, so that nobody asks for them again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auffusion.data.clips import json_lines
from auffusion.data.fetching.video_clip import VideoClip
from auffusion.data.listing import Reject
from auffusion.data.tables import json_rows
from auffusion.files import write_file

GONE_CLIPS = "fetch_rejects.jsonl"
"""Lines of `youtube_id`, `start_s` and yt-dlp's last `error`."""


class GoneClips:
    """The list in a folder, open to be added to.

    Args:
        folder: the data set's; a line that a killed run left half is dropped from its list.

    Raises:
        InputError: the list cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / GONE_CLIPS
        self._errors = dict(_read(self._path)) if self._path.exists() else {}
        self._write()
        self._file = self._path.open("ab")
        self._is_stale = False

    def __contains__(self, clip: VideoClip) -> bool:
        return clip in self._errors

    def add(self, clip: VideoClip, error: str) -> None:
        """Add a clip, unless it is there; it is in the file at once."""
        if clip not in self._errors:
            self._errors[clip] = error
            self._file.write(_line(clip, error))
            self._file.flush()

    def discard(self, clip: VideoClip) -> None:
        """Take a clip out that was had after all."""
        self._is_stale |= self._errors.pop(clip, None) is not None

    def close(self) -> None:
        """End it."""
        self._file.close()
        if self._is_stale:
            self._write()

    def _write(self) -> None:
        write_file(self._path, b"".join(_line(*one) for one in self._errors.items()))


def _line(clip: VideoClip, error: str) -> bytes:
    return json_lines([{"youtube_id": clip.youtube_id, "start_s": clip.start_s, "error": error}])


def _read(path: Path) -> Iterator[tuple[VideoClip, str]]:
    for row in json_rows(path):
        if not isinstance(row, Reject) and (clip := _clip(row[1])):
            yield clip, str(row[1].get("error", ""))


def _clip(row: dict[str, Any]) -> VideoClip | None:
    try:
        return VideoClip(youtube_id=str(row["youtube_id"]), start_s=int(row["start_s"]))
    except (KeyError, TypeError, ValueError):
        return None  # half a line, or somebody else's
