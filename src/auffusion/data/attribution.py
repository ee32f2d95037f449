"""The list of everything a model was trained on: where each clip is from, whose it is, its licence.

It ships beside the weights, so sources that share package, licence and author stand in one group.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from auffusion.data.clips import Clip
from auffusion.data.containers import openttd_names
from auffusion.data.debian_copyright import free_form_holders, paragraph_of, read_paragraphs
from auffusion.data.openclonk_authors import author_of, read_authors
from auffusion.errors import InputError
from auffusion.files import write_file

UNNAMED = "not named by the package"
"""Stands for the author where the package names none."""

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

_HEADER = """\
# Every clip the model was trained on. A line that begins with a name opens a group:
#   package, version, licence, link to the licence, author
# and each line below it that begins with a tab is one source of the group:
#   path inside the package (containers as folders NAME.d), numbers of its ten-second parts if cut
# All clips were resampled to 16 kHz mono and trimmed.
"""

Authors = Callable[[str], str]
"""A clip's source to its author."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """What clips share that are told of together."""

    package: str
    version: str
    license: str
    url: str
    author: str


def write_attribution(packages: Path, clips: Iterable[Clip], path: Path) -> None:
    """Write the attribution of all clips of a library.

    Args:
        packages: folder of the unpacked packages that the clips were cut from.
        clips: a library's manifest, or the part of it that was used.
        path: the file to write, tab-separated UTF-8.

    Raises:
        InputError: a package is not there, its copyright file is missing, or a licence has no link.
    """
    lines = [_HEADER]
    for group, members in sorted(attribution(packages, clips).items()):
        fields = (group.package, group.version, group.license, group.url, group.author)
        lines.append("\t".join(fields) + "\n")
        lines += [f"\t{source}\n" for source in _sources(members)]
    write_file(path, "".join(lines).encode())


def attribution(packages: Path, clips: Iterable[Clip]) -> dict[Group, list[Clip]]:
    """The clips by what they share: package, licence and author.

    Raises:
        InputError: as `write_attribution`.
    """
    groups: dict[Group, list[Clip]] = defaultdict(list)
    for (package, version), members in _grouped(clips, lambda c: (c.package, c.version)).items():
        folder = packages / package
        if not folder.is_dir():
            raise InputError(f"{packages} holds no {package}: fetch the package there first")
        for licence, under in _grouped(members, lambda clip: clip.license).items():
            author = _READERS.get(package, _debian_authors)(folder, licence)
            for clip in under:
                group = Group(
                    package=package,
                    version=version_of(version),
                    license=licence,
                    url=_licence_url(licence),
                    author=author(clip.source) or UNNAMED,
                )
                groups[group].append(clip)
    return groups


def version_of(archive: str) -> str:
    """The version in the name of a Debian package or a wheel.

    >>> version_of("widelands-data_2%3a1.1-3_all.deb"), version_of("arcade-3.3.3-py3-none-any.whl")
    ('2:1.1-3', '3.3.3')
    """
    if archive.endswith(".whl"):
        return archive.split("-")[1]
    return archive.split("_")[1].replace("%3a", ":")


def _licence_url(licence: str) -> str:
    if licence not in _LICENCE_URLS:
        raise InputError(
            f"no link is known for the licence {licence!r}: clips under it cannot ship"
        )
    return _LICENCE_URLS[licence]


def _sources(clips: Iterable[Clip]) -> list[str]:
    """A line a file: its path, and its parts where it was cut."""
    lines: list[str] = []
    for source, members in _grouped(clips, lambda clip: clip.source).items():
        parts = ",".join(str(clip.part) for clip in members if clip.part is not None)
        lines.append(f"{source}\t{parts}" if parts else source)
    return lines


def _grouped(clips: Iterable[Clip], key: Callable[[Clip], T]) -> dict[T, list[Clip]]:
    groups: dict[T, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[key(clip)].append(clip)
    return groups


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
