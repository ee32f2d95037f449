"""Who holds the rights in a file of a Debian package, from its `copyright` file.

Most are in the machine-readable form (DEP-5, debian.org/doc/packaging-manuals/copyright-format):
paragraphs of `Files`, `Copyright` and `License`. Their patterns name paths of the source package,
a clip has its path in the installed one: `src/wav/*` and `usr/share/games/x/wav/bark.wav`. What
both have is the end of the path, so that is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

_HOLDER = re.compile(r"(?:©|\(c\))\s*(?:[\d\s,\u2013-]*\d{4},?\s+)?(\S.*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Files under one licence."""

    patterns: tuple[str, ...]
    """`*` stands for any text, slashes included, and `?` for one character."""
    holders: str
    """Names, with years where given, apart by semicolons; empty where nobody is named."""
    license: str
    """The short name."""


def read_paragraphs(text: str) -> list[Paragraph]:
    """The `Files` paragraphs in order; none where the file is in free form."""
    blocks = [_fields(block) for block in re.split(r"\n\s*\n(?=\S)", text)]
    return [
        Paragraph(
            patterns=_patterns(fields["files"]),
            holders=_names(fields.get("copyright", "")),
            license=fields.get("license", "").split("\n")[0].strip(),
        )
        for fields in blocks
        if "files" in fields
    ]


def paragraph_of(paragraphs: Sequence[Paragraph], source: str, licence: str) -> Paragraph | None:
    """The paragraph that fits an installed file most closely, or None.

    Those of the file's known licence go first: the first directories of a pattern are lost when a
    package is built, so that one of another licence may fit by accident.
    """
    same = [paragraph for paragraph in paragraphs if paragraph.license == licence]
    return _closest(same, source) or _broadest(same) or _closest(paragraphs, source)


def free_form_holders(text: str) -> str:
    r"""Names behind a copyright sign in a file that is not machine-readable.

    >>> free_form_holders("Copyright (c) 2001-2009, A. Smith <a@b.org>\nData © 2011 B. Jones")
    'A. Smith; B. Jones'
    """
    lines = [line for line in text.splitlines() if "Debian packaging" not in line]
    found = [_plain(match[1]) for line in lines if (match := _HOLDER.search(line))]
    return "; ".join(dict.fromkeys(name for name in found if name))


def _fields(block: str) -> dict[str, str]:
    """A paragraph's values by lower-case name, lines kept apart."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.splitlines():
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _patterns(value: str) -> tuple[str, ...]:
    # Blanks part patterns; but packagers also write a name with blanks on a line of its own.
    return tuple(dict.fromkeys([*value.split(), *filter(None, value.split("\n"))]))


def _names(value: str) -> str:
    lines = dict.fromkeys(_plain(line) for line in value.split("\n"))
    return "; ".join(line for line in lines if line.lower() not in {"", "none", "no-copyright"})


def _plain(name: str) -> str:
    """Without mail address, copyright sign and stray commas."""
    name = re.sub(r"<[^>]*@[^>]*>|\S+@\S+\.\w+", "", name)
    name = re.sub(r"^(?:copyright\b|©|\(c\)|[\s:])*", "", name, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", name).strip(" ,.;")


def _closest(paragraphs: Sequence[Paragraph], source: str) -> Paragraph | None:
    fits = [(max(_fit(p, source) for p in found.patterns), found) for found in paragraphs]
    # In the standard, and here among equals, the last paragraph counts.
    best = max(reversed(fits), key=lambda fit: fit[0], default=None)
    return best[1] if best is not None and best[0] >= 0 else None


def _broadest(paragraphs: Sequence[Paragraph]) -> Paragraph | None:
    """The one for a whole folder, which may have lost its name: `Data/*`, installed as `x/*`."""
    folders = [(len(p), found) for found in paragraphs for p in found.patterns if p.endswith("/*")]
    return min(folders, key=lambda folder: folder[0])[1] if folders else None


def _fit(pattern: str, source: str) -> int:
    """How many literal characters of a pattern's end are found at a path's end; -1 if none."""
    if pattern == "*":
        return 0
    parts = pattern.split("/")
    for start in range(len(parts)):
        # Without its folder a wildcard would fit anything.
        if start and _is_wild(parts[start]):
            continue
        if _matches("/".join(parts[start:]), f"/{source}"):
            return sum(len(part.strip("*?")) for part in parts[start:])
    return -1


def _is_wild(glob: str) -> bool:
    return "*" in glob or "?" in glob


def _matches(tail: str, source: str) -> bool:
    if _is_wild(tail):
        return _expression(tail).search(source) is not None
    # An archive of the source package is a folder when installed: `a/Kit.h2drumkit`, `a/Kit/`.
    folder = re.sub(r"\.\w+$", "", tail)
    return source.endswith(f"/{tail}") or f"/{folder}/" in source


@cache
def _expression(glob: str) -> re.Pattern[str]:
    return re.compile("/" + re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".") + "$")
