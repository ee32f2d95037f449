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
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from auffusion.errors import InputError

Entries = Iterator[tuple[str, bytes]]

# What the standard library raises on content that is not what it claims to be: gzip an OSError,
# zipfile a RuntimeError or NotImplementedError besides its own; a group too deeply nested recurses.
_DAMAGE = (
    ValueError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    wave.Error,
    EOFError,
    IndexError,
    OSError,
    RuntimeError,
)


def open_container(path: Path) -> Entries:
    """The files inside a container, each with its path there.

    Raises:
        InputError: the suffix is of no known container, the content is damaged, or a path inside
            leads out of the container.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is no known container: expected one of {', '.join(_READERS)}")
    try:
        for name, content in reader(path.read_bytes()):
            check_inner_path(name, path)
            yield name, content
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged ({error}): fetch the package again") from error


def openttd_names(path: Path) -> list[str]:
    """The names in an OpenTTD sound set, uncut: title, authors and licence of each sound.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return [name for _, name in _openttd_table(path.read_bytes())]
    except _DAMAGE as error:
        raise InputError(f"{path} is damaged ({error}): fetch the package again") from error


def is_container(path: Path) -> bool:
    """Whether the suffix names a container that can be opened.

    >>> is_container(Path("Sound.ocg")), is_container(Path("bark.wav"))
    (True, False)
    """
    return path.suffix.lower() in _READERS


def check_inner_path(name: str, archive: Path) -> None:
    """Refuse a path that an archive names for one of its files, if it leads anywhere else.

    Raises:
        InputError: the path is absolute, climbs with `..`, or names no file.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise InputError(f"{archive} holds the path {name!r}, which leads out of its folder")


def _slice(data: bytes, start: int, size: int) -> bytes:
    """`size` bytes from `start` on; a plain slice would be silently short."""
    if start < 0 or size < 0 or start + size > len(data):
        raise ValueError(f"bytes {start} to {start + size} of {len(data)} are named")
    return data[start : start + size]


def _read_zip(data: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield entry.filename, archive.read(entry)


def _read_qt_resource(data: bytes) -> Entries:
    """Qt's `.rcc`, big-endian: a tree of nodes, their names, and the files."""
    magic, version, tree, blobs, names = struct.unpack_from(">4s4i", data)
    if magic != b"qres":
        raise ValueError("it does not start with 'qres'")
    # Version 2 appended eight bytes of date to each node of fourteen.
    size = 14 if version == 1 else 22
    yield from _QtResource(data, tree, blobs, names, size).walk(0, "")


@dataclass(frozen=True)
class _QtResource:
    """A `.rcc` file and where its three tables begin."""

    data: bytes
    tree: int
    blobs: int
    names: int
    node_size: int

    def walk(self, index: int, prefix: str) -> Entries:
        node = self.tree + index * self.node_size
        name, flags = struct.unpack_from(">IH", self.data, node)
        path = prefix + self._name(name) if index else ""
        if flags & 2:
            count, first = struct.unpack_from(">II", self.data, node + 6)
            # Children follow their parent, or the walk would never end.
            if first <= index:
                raise ValueError(f"node {index} is among its own children")
            for child in range(first, first + count):
                yield from self.walk(child, f"{path}/" if path else "")
        elif not flags & 4:
            yield path, self._file(struct.unpack_from(">I", self.data, node + 10)[0], flags)

    def _name(self, offset: int) -> str:
        start = self.names + offset
        length = struct.unpack_from(">H", self.data, start)[0]
        return _slice(self.data, start + 6, 2 * length).decode("utf-16-be")

    def _file(self, offset: int, flags: int) -> bytes:
        start = self.blobs + offset
        size = struct.unpack_from(">I", self.data, start)[0]
        blob = _slice(self.data, start + 4, size)
        if not flags & 1:
            return blob
        unpacked = zlib.decompress(blob[4:])
        if len(unpacked) != struct.unpack_from(">I", blob)[0]:
            raise ValueError(f"a file unpacks to {len(unpacked)} bytes, not to what it declares")
        return unpacked


def _read_openttd(data: bytes) -> Entries:
    """OpenTTD's `.cat`: a table of offsets, then named RIFF files."""
    for index, (offset, name) in enumerate(_openttd_table(data)):
        start = data.index(b"RIFF", offset)
        size = struct.unpack_from("<I", data, start + 4)[0] + 8
        plain = re.sub(r"[^\w .-]", "_", name)[:80]
        yield f"{index:03d}_{plain}.wav", _slice(data, start, size)


def _openttd_table(data: bytes) -> Iterator[tuple[int, str]]:
    """(offset, name) of each entry."""
    # The top bit of an offset is a flag.
    count = (struct.unpack_from("<I", data)[0] & 0x7FFFFFFF) // 8
    for index in range(count):
        offset = struct.unpack_from("<I", data, 8 * index)[0] & 0x7FFFFFFF
        name = _slice(data, offset + 1, data[offset]).split(b"\0")[0]
        yield offset, name.decode("latin-1")


def _read_openclonk(data: bytes) -> Entries:
    """OpenClonk's `.ocg`: a gzip file with other magic bytes around nested groups."""
    yield from _walk_group(gzip.decompress(b"\x1f\x8b" + data[2:]), "")


def _walk_group(data: bytes, prefix: str) -> Entries:
    header = bytearray(byte ^ 0xED for byte in _slice(data, 0, 204))
    for i in range(0, 202, 3):
        header[i], header[i + 2] = header[i + 2], header[i]
    if not header.startswith(b"RedWolf Design GrpFolder"):
        raise ValueError("a group lacks its header")
    count = struct.unpack_from("<i", header, 36)[0]
    body = 204 + 316 * count
    for start in range(204, body, 316):
        name = _slice(data, start, 260).split(b"\0")[0].decode("latin-1")
        is_group, size, _, offset = struct.unpack_from("<4i", data, start + 264)
        content = _slice(data, body + offset, size)
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
            yield f"{name.lower()}.wav", _doom_sound(_slice(data, offset, size))


def _doom_sound(lump: bytes) -> bytes:
    _, rate, length = struct.unpack_from("<HHI", lump)
    # The length counts 16 bytes of padding at each end.
    samples = np.frombuffer(_slice(lump, 24, length - 32), np.uint8)
    wide = (samples.astype("<i2") - 128) * 256
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(wide.tobytes())
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
