"""Decoding in a process of its own, with limits: a hostile file costs that file and nothing else.

libsndfile has a long record of memory errors in its rarer decoders, a small file can hold hours,
and a damaged one can keep a decoder busy for ever.
"""

import json
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from auffusion.audio.decoder import Stretch, TruncatedError
from auffusion.errors import InputError


class DecoderDiedError(InputError):
    """The decoder crashed on a file, or took more time or memory than it may."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A decoded sound."""

    samples: NDArray[np.float32]
    """Mono, about [-1, 1]."""
    source_rate: int
    """The file's samples a second."""
    source_seconds: float
    """The file's length."""


class IsolatedDecoder:
    """Decodes files in a child process that is started anew when it dies.

    Args:
        seconds: the longest that one file may take.
        memory_mb: how much memory the child may take besides its own start (Linux).
    """

    def __init__(self, *, seconds: float = 60.0, memory_mb: int = 1024) -> None:
        self._seconds = seconds
        self._memory = memory_mb << 20
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "IsolatedDecoder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(
        self,
        path: Path,
        *,
        sample_rate: int = 16_000,
        max_seconds: float = 600.0,
        stretch: Stretch | None = None,
    ) -> Decoded:
        """As `read_mono`, old formats included.

        Raises:
            DecoderDiedError: the decoder crashed or exceeded a limit.
            TruncatedError: the file ends before its header says.
            InputError: as `read_mono`.
        """
        request = {
            "path": str(path),
            "sample_rate": sample_rate,
            "max_seconds": max_seconds,
            "stretch": asdict(stretch) if stretch else None,
        }
        head, data = self._ask(json.dumps(request).encode() + b"\n", path)
        if "fault" in head:
            raise TruncatedError(head["fault"]) if head["truncated"] else InputError(head["fault"])
        return Decoded(
            samples=np.frombuffer(data, "<f4"),
            source_rate=head["rate"],
            source_seconds=head["seconds"],
        )

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._end()
            self._child = None

    def _ask(self, request: bytes, path: Path) -> tuple[dict[str, Any], bytes]:
        child = self._child or self._start()
        requests, answers = _pipes(child)
        slow = threading.Timer(self._seconds, child.kill)
        slow.start()
        try:
            requests.write(request)
            requests.flush()
            head: dict[str, Any] = json.loads(answers.readline() or b"null") or {}
            data = answers.read(4 * head.get("samples", 0))
        except (BrokenPipeError, json.JSONDecodeError):
            head, data = {}, b""
        finally:
            late = not slow.is_alive()
            slow.cancel()
        if late:
            # Whatever came in the last moment, the child is being killed.
            raise self._death(path, late=True)
        if not head or len(data) < 4 * head.get("samples", 0):
            raise self._death(path, late=False)
        return head, data

    def _death(self, path: Path, *, late: bool) -> DecoderDiedError:
        status = self._child.wait() if self._child else None
        self.close()
        if late:
            return DecoderDiedError(f"{path} took longer than {self._seconds:g} s to decode")
        return DecoderDiedError(
            f"{path} ended its decoder (status {status}): it is damaged, or needs more than "
            f"{self._memory >> 20} MB"
        )

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "auffusion.audio.decoding_process", str(self._memory)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        # A worker that holds a decoder is dropped, not closed: the child ends with it all the same.
        self._end = weakref.finalize(self, _end_child, self._child)
        return self._child


def _end_child(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    with suppress(BrokenPipeError):  # a request that it never read
        child.communicate()


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the decoder was started without pipes")
    return child.stdin, child.stdout
