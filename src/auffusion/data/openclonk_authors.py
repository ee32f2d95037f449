"""Who made which sound of OpenClonk, from the `authors.txt` inside its sound archive.

The file is written for people: an author, a dash, and names of sounds, some with folders, some with
number ranges (`Die1-5`, `Click1&2&3`), some under a line that gives the folder. Folders have been
renamed since, so the name decides, and the folders that still agree decide between equal names.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_ENTRY = re.compile(r"^(?P<author>\S.*?),?\s*-\s+(?P<works>.*)$")
_NUMBERED = re.compile(r"^(?P<stem>.*?)(?P<first>\d+)(?P<more>(?:[&/]\d+)+)$")
_RANGE = re.compile(r"^(?P<stem>.*?)(?P<first>\d+)-(?P<last>\d+)$")


@dataclass(frozen=True)
class Work:
    """A sound, or several by a wildcard, as the file names them."""

    author: str
    folders: frozenset[str]
    name: str


def read_authors(text: str) -> list[Work]:
    """All that `authors.txt` says.

    >>> read_authors("Jo  - Fire/Spark1-2 (http://x.org)")[1]
    Work(author='Jo', folders=frozenset({'fire'}), name='spark2')
    """
    works: list[Work] = []
    author = folder = ""
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            author, folder = entry["author"], ""
        named = _without_remarks(entry["works"] if entry else line).strip(" \t-")
        if named.endswith(":"):
            folder = named[:-1]
        elif author and line.strip() and (entry or line[:1].isspace()) and "://" not in named:
            works += _works(author, folder, named)
        elif not line.strip():
            author = ""
    return works


def author_of(works: Sequence[Work], source: str) -> str:
    """The authors of a sound, apart by semicolons; empty where none is named.

    Args:
        works: what `read_authors` found.
        source: path inside the archive, such as `Animals.ocg/Bat.ocg/Chirp.wav`.
    """
    *folders, name = [_key(part.rsplit(".", 1)[0]) for part in source.split("/")]
    ranks = {work: _rank(work, folders, name) for work in works if fnmatchcase(name, work.name)}
    best = max(ranks.values(), default=None)
    return "; ".join(dict.fromkeys(work.author for work, rank in ranks.items() if rank == best))


def _rank(work: Work, folders: list[str], name: str) -> tuple[int, bool, int]:
    # Folders that agree count most, then a name written out over a wildcard, then no other folders.
    agreeing = len(work.folders.intersection(folders))
    return agreeing, work.name == name, agreeing - len(work.folders)


def _without_remarks(line: str) -> str:
    """Without what stands in brackets, which may hold brackets itself or never end."""
    before = None
    while before != line:
        before, line = line, re.sub(r"\([^()]*\)", " ", line)
    return re.sub(r"\(.*$", "", line)


def _works(author: str, folder: str, named: str) -> Iterator[Work]:
    for token in re.split(r"[,\s]+", named):
        for name in _spelt_out(re.sub(r"\.(?:wav|ogg)$", "", token)):
            *folders, last = f"{folder}/{name}".replace("::", "/").split("/")
            if last.strip("*"):
                yield Work(author, frozenset(map(_key, folders)) - {""}, _key(last))


def _spelt_out(token: str) -> list[str]:
    """`Die1-3`, `Click1&2`, `Shoot1/3` as one name a sound."""
    if found := _RANGE.match(token):
        numbers = range(int(found["first"]), int(found["last"]) + 1)
        return [f"{found['stem']}{number}" for number in numbers]
    if found := _NUMBERED.match(token):
        numbers = [found["first"], *re.split("[&/]", found["more"])[1:]]
        return [f"{found['stem']}{number}" for number in numbers]
    return [token]


def _key(name: str) -> str:
    return name.lower().replace("_", "")
