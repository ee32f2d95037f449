"""Zip archives, whole or split into `.z01`, `.z02` … and `.zip`, which Python cannot read.

The parts of a split one do not simply follow each other: their directory counts by part. 7-Zip
reads them as they are; Info-ZIP joins them first, which needs the room twice. Version 3.0 of it was
seen to lose what lies between where one file spreads over three parts. Published parts are
gigabytes, so that a sound lies in one or two; what is lost is told, by checksums.
"""

import glob
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

from auffusion.data.containers import check_inner_path
from auffusion.errors import InputError

# The end record with the longest comment it may have.
_LONGEST_END = 22 + 65_535
_OVERFLOW = 0xFFFF
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_SEVEN_ZIP = ("7z", "7zz", "7za")


def unpack_zip(archive: Path, target: Path) -> None:
    """Unpack an archive into a folder that is whole or not there; an existing one is kept.

    Raises:
        InputError: the archive is damaged or leads out of the folder; it is split and a part is
            missing, or neither 7-Zip nor Info-ZIP is installed; the disk is full.
    """
    if target.is_dir():
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        if _last_part(archive):
            _check_parts(archive)
            _unpack_split(archive.absolute(), partial.absolute())
        else:
            _unpack_whole(archive, partial)
        partial.rename(target)
    except OSError as error:
        raise InputError(f"cannot unpack {archive}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _last_part(archive: Path) -> int:
    """How many parts stand before the archive's last one; 0 where it is whole.

    Its end record counts them (APPNOTE.TXT 4.3.16: number of this disk); where there are too many
    for it, those that are there are counted.
    """
    with archive.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _LONGEST_END))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 6 > len(tail):
        return 0
    number = int.from_bytes(tail[end + 4 : end + 6], "little")
    if number != _OVERFLOW:
        return number
    return sum(1 for _ in archive.parent.glob(f"{glob.escape(archive.stem)}.z[0-9]*"))


def _check_parts(archive: Path) -> None:
    # Info-ZIP waits for ever for a part that is not there.
    for number in range(1, _last_part(archive) + 1):
        part = archive.with_suffix(f".z{number:02d}")
        if not part.is_file():
            raise InputError(f"{part}, a part of {archive.name}, is not there: fetch it again")


def _unpack_whole(archive: Path, folder: Path) -> None:
    try:
        _extract(archive, folder)
    except _DAMAGES as error:
        raise InputError(
            f"{archive} is damaged ({_told(error)}): delete it and fetch it again"
        ) from error


def _extract(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            check_inner_path(name, archive)
        file.extractall(folder)


def _told(error: Exception) -> str:
    return str(error) or "it ends early"


def _unpack_split(archive: Path, folder: Path) -> None:
    seven_zip = next(filter(None, map(shutil.which, _SEVEN_ZIP)), None)
    if seven_zip:
        _run([seven_zip, "x", "-y", "-bd", f"-o{folder}", str(archive)], archive)
        return
    joined = folder / "joined.zip"
    if shutil.which("zip") is None:
        raise InputError(
            f"{archive} is split into parts, which needs 7z or zip: install one of them (apt "
            f"install 7zip) and run the command again, or unpack it with 7z x {archive}"
        )
    _run(["zip", "-q", "-s", "0", str(archive), "--out", str(joined)], archive)
    try:
        _extract(joined, folder)
    except _DAMAGES as error:
        raise InputError(
            f"{archive} is damaged, or zip did not join its parts well ({_told(error)}): "
            "install 7z (apt install 7zip) and run the command again"
        ) from error
    joined.unlink()


def _run(words: list[str], archive: Path) -> None:
    done = subprocess.run(
        words,
        input="q\n",  # Info-ZIP asks for what it misses, for ever, and takes this for an end
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InputError(
            f"{archive} could not be unpacked by {words[0]} ({said}): delete its parts and fetch "
            "them again"
        )
