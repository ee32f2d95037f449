"""Sound archives of games and desktop programs, opened into (inner path, bytes) pairs.

Formats: zip under other names (`.pk3`, `.wz`, `.orgue`), Qt binary resources (`.rcc`), OpenTTD
sound sets (`.cat`), OpenClonk groups (`.ocg`) and Doom archives (`.wad`).
"""

import gzip
import io
import re
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from auffusion.errors import InputError

Entries = Iterator[tuple[str, bytes]]


def open_container(path: Path) -> Entries:
    """The files inside a container, each with its path there.

    Raises:
        InputError: the suffix is of no known container, or the content is damaged.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is no known container: expected one of {', '.join(_READERS)}")
    try:
        yield from reader(path.read_bytes())
    except (struct.error, zlib.error, zipfile.BadZipFile, EOFError, IndexError) as error:
        raise InputError(f"{path} is damaged ({error}): fetch the package again") from error


def is_container(path: Path) -> bool:
    """Whether the suffix names a container that can be opened.

    >>> is_container(Path("Sound.ocg")), is_container(Path("bark.wav"))
    (True, False)
    """
    return path.suffix.lower() in _READERS


def _read_zip(data: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield entry.filename, archive.read(entry)


def _read_qt_resource(data: bytes) -> Entries:
    """Qt's `.rcc`, big-endian: a tree of nodes, their names, and the files."""
    magic, version, tree, blobs, names = struct.unpack_from(">4s4i", data)
    if magic != b"qres":
        raise struct.error("it does not start with 'qres'")
    # Version 2 appended eight bytes of date to each node of fourteen.
    node_size = 14 if version == 1 else 22

    def name_at(offset: int) -> str:
        length = struct.unpack_from(">H", data, names + offset)[0]
        start = names + offset + 6
        return data[start : start + 2 * length].decode("utf-16-be")

    def file_at(offset: int, flags: int) -> bytes:
        size = struct.unpack_from(">I", data, blobs + offset)[0]
        blob = data[blobs + offset + 4 : blobs + offset + 4 + size]
        return zlib.decompress(blob[4:]) if flags & 1 else blob

    def walk(index: int, prefix: str) -> Entries:
        node = tree + index * node_size
        name_offset, flags = struct.unpack_from(">IH", data, node)
        path = prefix + name_at(name_offset) if index else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", data, node + 6)
            for child in range(first, first + count):
                yield from walk(child, f"{path}/" if path else "")
        elif not flags & 4:
            yield path, file_at(struct.unpack_from(">I", data, node + 10)[0], flags)

    yield from walk(0, "")


def _read_openttd(data: bytes) -> Entries:
    """OpenTTD's `.cat`: a table of offsets, then named RIFF files."""
    count = (struct.unpack_from("<I", data)[0] & 0x7FFFFFFF) // 8
    for index in range(count):
        offset = struct.unpack_from("<I", data, 8 * index)[0] & 0x7FFFFFFF
        name = data[offset + 1 : offset + 1 + data[offset]].split(b"\0")[0].decode("latin-1")
        start = data.index(b"RIFF", offset)
        size = struct.unpack_from("<I", data, start + 4)[0] + 8
        plain = re.sub(r"[^\w .-]", "_", name)[:80]
        yield f"{index:03d}_{plain}.wav", data[start : start + size]


def _read_openclonk(data: bytes) -> Entries:
    """OpenClonk's `.ocg`: a gzip file with other magic bytes around nested groups."""
    yield from _walk_group(gzip.decompress(b"\x1f\x8b" + data[2:]), "")


def _walk_group(data: bytes, prefix: str) -> Entries:
    header = bytearray(byte ^ 0xED for byte in data[:204])
    for i in range(0, 202, 3):
        header[i], header[i + 2] = header[i + 2], header[i]
    if not header.startswith(b"RedWolf Design GrpFolder"):
        raise struct.error("a group lacks its header")
    count = struct.unpack_from("<i", header, 36)[0]
    body = 204 + 316 * count
    for start in range(204, body, 316):
        name = data[start : start + 260].split(b"\0")[0].decode("latin-1")
        is_group, size, _, offset = struct.unpack_from("<4i", data, start + 264)
        content = data[body + offset : body + offset + size]
        if is_group:
            yield from _walk_group(content, f"{prefix}{name}/")
        else:
            yield prefix + name, content


def _read_doom(data: bytes) -> Entries:
    """Doom's `.wad`: the lumps named DS* are unsigned 8-bit sounds."""
    count, directory = struct.unpack_from("<ii", data, 4)
    for entry in range(directory, directory + 16 * count, 16):
        offset, size, raw_name = struct.unpack_from("<ii8s", data, entry)
        name = raw_name.split(b"\0")[0].decode("latin-1")
        if name.startswith("DS") and size > 40:
            yield f"{name.lower()}.wav", _doom_sound(data[offset : offset + size])


def _doom_sound(lump: bytes) -> bytes:
    _, rate, length = struct.unpack_from("<HHI", lump)
    # The length counts 16 bytes of padding at each end.
    samples = lump[24 : 24 + length - 32]
    wide = struct.pack(f"<{len(samples)}h", *((byte - 128) * 256 for byte in samples))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(wide)
    return buffer.getvalue()


_READERS: dict[str, Callable[[bytes], Entries]] = {
    ".pk3": _read_zip,
    ".wz": _read_zip,
    ".orgue": _read_zip,
    ".rcc": _read_qt_resource,
    ".cat": _read_openttd,
    ".ocg": _read_openclonk,
    ".wad": _read_doom,
}
