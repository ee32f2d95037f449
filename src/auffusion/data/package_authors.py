"""Who made a sound of a package, and where its licence can be read.

Debian packages name authors in their copyright file, some archives inside themselves.
"""

import re
from collections.abc import Callable
from pathlib import Path

from auffusion.data.containers import openttd_names
from auffusion.data.debian_copyright import free_form_holders, paragraph_of, read_paragraphs
from auffusion.data.openclonk_authors import author_of, read_authors
from auffusion.errors import InputError

_CC = "https://creativecommons.org"
_SPDX = "https://spdx.org/licenses"
_LICENCE_URLS = {
    "Artistic-1.0": f"{_SPDX}/Artistic-1.0.html",
    "BSD-3-clause": f"{_SPDX}/BSD-3-Clause.html",
    "CC-BY-3.0": f"{_CC}/licenses/by/3.0/",
    "CC-BY-3.0 and CC0-1.0": f"{_CC}/licenses/by/3.0/",
    "CC-BY-4.0": f"{_CC}/licenses/by/4.0/",
    "CC-BY-SA-2.5": f"{_CC}/licenses/by-sa/2.5/",
    "CC-BY-SA-3": f"{_CC}/licenses/by-sa/3.0/",
    "CC-BY-SA-3.0": f"{_CC}/licenses/by-sa/3.0/",
    "CC-BY-SA-3.0 or GPL-2+": f"{_CC}/licenses/by-sa/3.0/",
    "CC-BY-SA-3.0-us": f"{_CC}/licenses/by-sa/3.0/us/",
    "CC-BY-SA-4.0": f"{_CC}/licenses/by-sa/4.0/",
    "CC0": f"{_CC}/publicdomain/zero/1.0/",
    "CC0 (kenney.nl)": f"{_CC}/publicdomain/zero/1.0/",
    "CC0-1.0": f"{_CC}/publicdomain/zero/1.0/",
    "Expat": f"{_SPDX}/MIT.html",
    "GPL-2+ or CC-BY-SA-2.0": f"{_CC}/licenses/by-sa/2.0/",
    "GPL-2+ or CC-BY-SA-3.0": f"{_CC}/licenses/by-sa/3.0/",
    "MIT (parts CC0, public domain)": f"{_SPDX}/MIT.html",
    "free-art": "https://artlibre.org/licence/lal/en/",
    "public-domain": f"{_CC}/publicdomain/mark/1.0/",
}
"""Where each licence of the sound list can be read; of two to choose from, the one we use."""

Authors = Callable[[str], str]
"""A sound's path inside its package to its author; empty where the package names none."""


def authors_of(folder: Path, licence: str) -> Authors:
    """The authors of an unpacked package's sounds under one licence.

    Args:
        folder: the package, in a folder of its name.
        licence: as the sound list gives it.

    Raises:
        InputError: what names the authors is missing.
    """
    return _READERS.get(folder.name, _debian_authors)(folder, licence)


def licence_url(licence: str) -> str:
    """Where a licence of the sound list can be read.

    Raises:
        InputError: no link is known.
    """
    if licence not in _LICENCE_URLS:
        raise InputError(
            f"no link is known for the licence {licence!r}: clips under it cannot ship"
        )
    return _LICENCE_URLS[licence]


def version_of(archive: str) -> str:
    """The version in the name of a Debian package or a wheel.

    >>> version_of("widelands-data_2%3a1.1-3_all.deb"), version_of("arcade-3.3.3-py3-none-any.whl")
    ('2:1.1-3', '3.3.3')
    """
    if archive.endswith(".whl"):
        return archive.split("-")[1]
    return archive.split("_")[1].replace("%3a", ":")


def _debian_authors(folder: Path, licence: str) -> Authors:
    text = _text(folder / "usr/share/doc" / folder.name / "copyright")
    paragraphs = read_paragraphs(text)
    if not paragraphs:
        everyone = free_form_holders(text)
        return lambda _: everyone

    def author(source: str) -> str:
        found = paragraph_of(paragraphs, source, licence)
        return found.holders if found else ""

    return author


def _openclonk_authors(folder: Path, _: str) -> Authors:
    archive = "usr/share/games/openclonk/Sound.ocg.d/"
    works = read_authors(_text(folder / archive / "authors.txt"))
    return lambda source: (
        author_of(works, source.removeprefix(archive)) or "The OpenClonk Team and contributors"
    )


def _opensfx_authors(folder: Path, _: str) -> Authors:
    """Each entry's name is its title, its makers and their licence; a file's number finds it."""
    container = next(folder.rglob("*.cat"), folder / "opensfx.cat")
    names = openttd_names(container)
    return lambda source: re.sub(r'^"[^"]*"\.\s*', "", names[int(Path(source).name[:3])])


def _wheel_authors(folder: Path, _: str) -> Authors:
    """A folder of other people's sounds in a wheel has a licence file with a line of credit."""

    def author(source: str) -> str:
        text = _text((folder / source).with_name("License.txt"))
        credit = re.search(r"Credit \(([^)]*)\)", text)
        return credit[1] if credit else ""

    return author


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}, which names the authors, is missing: fetch the package again")
    return path.read_text(encoding="utf-8", errors="replace")


_READERS: dict[str, Callable[[Path, str], Authors]] = {
    "arcade": _wheel_authors,
    "openclonk-data": _openclonk_authors,
    "openttd-opensfx": _opensfx_authors,
}
