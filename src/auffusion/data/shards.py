"""Tar shards: many clips in one file that any tar, WebDataset included, can read.

Each clip is a pair of members, `ID.flac` and `ID.json`. The same clips give the same bytes: no
times, no users. A member is found by the shard and its offset, without walking the file.
"""

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auffusion.errors import InputError
from auffusion.files import whole_file

_BLOCK = 512


@dataclass(frozen=True, kw_only=True)
class Member:
    """Where a file lies in its shard."""

    name: str
    """Name in the archive."""
    offset: int
    """First byte of its content."""
    size: int
    """Bytes of its content."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard that was written."""

    sha256: str
    """Of the whole file."""
    size: int
    """Bytes of the whole file."""
    members: tuple[Member, ...]
    """In order."""


def write_shard(path: Path, entries: Iterable[tuple[str, bytes]]) -> Shard:
    """Write (name, content) pairs as a tar file, whole or not at all.

    Args:
        path: the shard; its folder must exist.
        entries: names of at most 100 ASCII characters, and contents; drawn one by one.

    Raises:
        InputError: the disk is full or the folder may not be written to.
    """
    members: list[Member] = []
    digest, position = hashlib.sha256(), 0
    with whole_file(path) as file:
        for name, content in entries:
            header = _header(name, len(content))
            offset = position + len(header)
            members.append(Member(name=name, offset=offset, size=len(content)))
            for piece in (header, content, bytes(-len(content) % _BLOCK)):
                file.write(piece)
                digest.update(piece)
                position += len(piece)
        end = bytes(2 * _BLOCK)  # two empty blocks end a tar
        file.write(end)
        digest.update(end)
    return Shard(sha256=digest.hexdigest(), size=position + len(end), members=tuple(members))


def read_member(path: Path, offset: int, size: int) -> bytes:
    """The content of a member.

    Raises:
        InputError: the shard is gone or ends before the member does.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(size)
    except OSError as error:
        raise InputError(
            f"cannot read the shard {path}: {error.strerror or error}; prepare it again"
        ) from error
    if len(content) < size:
        raise InputError(
            f"{path} was cut short: bytes {offset} to {offset + size} are named; prepare it again"
        )
    return content


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(format=tarfile.USTAR_FORMAT)
