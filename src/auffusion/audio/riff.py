"""The chunks of a WAV file: what soundfile does not show, and what it cannot write."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase

_FORMS = {b"RIFF", b"RF64", b"BW64"}
_PCM, _FLOAT = 1, 3


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One chunk of a RIFF file."""

    name: bytes
    """Four characters."""
    start: int
    """Offset of its first byte of content."""
    declared: int
    """Bytes of content, as its header says."""
    present: int
    """Bytes of content that the file really holds."""


def chunks(file: BufferedIOBase) -> Iterator[Chunk]:
    """The chunks of a WAV file in order; none when it is no WAV file."""
    end = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[:4] not in _FORMS or head[8:] != b"WAVE":
        return
    wide_size: int | None = None
    position = 12
    while position + 8 <= end:
        file.seek(position)
        name, size = struct.unpack("<4sI", file.read(8))
        start = position + 8
        if name == b"ds64" and end - start >= 16:
            wide_size = struct.unpack("<8xQ", file.read(16))[0]
        # In RF64 the sound's size stands in ds64, because 32 bits do not hold it.
        if name == b"data" and size == 0xFFFFFFFF and wide_size is not None:
            size = wide_size
        yield Chunk(name=name, start=start, declared=size, present=min(size, end - start))
        position = start + size + size % 2


def wav_bytes(
    samples: bytes,
    *,
    sample_rate: int,
    tags: Mapping[bytes, str],
    channels: int = 1,
    bits: int = 16,
    floating: bool = False,
) -> bytes:
    """A WAV file.

    Args:
        samples: little-endian samples, channel after channel within a moment.
        sample_rate: in Hz.
        tags: INFO tags, four characters each. They follow the sound, because some readers take
            byte 44 for the first sample.
        channels: of the sound.
        bits: of a sample.
        floating: IEEE numbers, not integers.
    """
    frame = channels * bits // 8
    kind = _FLOAT if floating else _PCM
    form = struct.pack("<HHIIHH", kind, channels, sample_rate, frame * sample_rate, frame, bits)
    body = b"WAVE" + _chunk(b"fmt ", form + b"\0\0" * floating)
    if floating:
        # Whatever is not PCM says its number of moments here, and the size of what it adds above.
        body += _chunk(b"fact", struct.pack("<I", len(samples) // frame))
    body += _chunk(b"data", samples)
    if tags:
        strings = (_chunk(name, text.encode() + b"\0") for name, text in tags.items())
        body += _chunk(b"LIST", b"INFO" + b"".join(strings))
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


def info_tags(file: BufferedIOBase) -> dict[bytes, str]:
    """The INFO tags of a WAV file, by their four characters."""
    tags: dict[bytes, str] = {}
    for chunk in chunks(file):
        if chunk.name == b"LIST":
            file.seek(chunk.start)
            tags |= _list_tags(file.read(chunk.present))
    return tags


def _list_tags(content: bytes) -> dict[bytes, str]:
    tags: dict[bytes, str] = {}
    position = 4
    while content[:4] == b"INFO" and position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        text = content[position + 8 : position + 8 + size].split(b"\0")[0]
        # Other programs write their own code pages; a foreign letter must not stop the reading.
        tags[name] = text.decode(errors="replace")
        position += 8 + size + size % 2
    return tags
