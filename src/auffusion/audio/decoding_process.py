"""The process behind `IsolatedDecoder`: it reads requests and answers with samples, one by one.

``python -m auffusion.audio.decoding_process MEMORY_BYTES`` speaks on its standard input and
output: a request is a line of JSON; an answer is a line of JSON, and the samples it counts follow
as little-endian float32. Bad input is an answer; whatever else goes wrong ends the process.
"""

import json
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from auffusion.audio.decoder import Stretch, TruncatedError, read_mono
from auffusion.errors import InputError


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while line := requests.readline():
        head, samples = _answer(json.loads(line))
        answers.write(json.dumps(head).encode() + b"\n" + samples)
        answers.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    stretch = Stretch(**request["stretch"]) if request["stretch"] else None
    try:
        samples, info = read_mono(
            Path(request["path"]),
            sample_rate=request["sample_rate"],
            max_seconds=request["max_seconds"],
            stretch=stretch,
            old_formats=True,
        )
    except InputError as error:
        return {"fault": str(error), "truncated": isinstance(error, TruncatedError)}, b""
    head = {"samples": len(samples), "rate": info.sample_rate, "seconds": info.duration_s}
    return head, samples.astype("<f4").tobytes()


def limit_memory(more_bytes: int) -> None:
    """Let this process take so much memory on top of what it has."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + more_bytes, taken + more_bytes))
    # A crash is expected now and then; its image of the memory is of no use.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    # Whoever is interrupted ends this process too; a clip must not look damaged for that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        limit_memory(int(sys.argv[1]))
    serve(sys.stdin.buffer, sys.stdout.buffer)
