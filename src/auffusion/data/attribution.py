"""The list of everything a model was trained on: where each clip is from, whose it is, its licence.

It ships beside the weights, so what shares collection, licence and author stands in one group.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auffusion.data.clips import Clip
from auffusion.files import write_file

ATTRIBUTION = "ATTRIBUTION.tsv"
"""Name of the file."""

UNNAMED = "not named by the package"
"""Stands for the author where nobody names one."""

_HEADER = """\
# Every clip the model was trained on. A line that begins with a name opens a group:
#   package or data set, version, licence, link to the licence, author
# and each line below it that begins with a tab is one source of the group:
#   path inside the package (containers as folders NAME.d), where its clips begin in seconds if cut
# All clips were resampled to 16 kHz mono.
"""


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """What clips share that are told of together."""

    collection: str
    version: str
    license: str
    url: str
    author: str


def write_attribution(clips: Iterable[Clip], path: Path) -> None:
    """Write the attribution of clips.

    Args:
        clips: a manifest, or the part of it that was used.
        path: the file to write, tab-separated UTF-8.

    Raises:
        InputError: the file cannot be written.
    """
    lines = [_HEADER]
    for group, members in sorted(attribution(clips).items()):
        fields = (group.collection, group.version, group.license, group.url, group.author)
        lines.append("\t".join(fields) + "\n")
        lines += [f"\t{source}\n" for source in _sources(members)]
    write_file(path, "".join(lines).encode())


def attribution(clips: Iterable[Clip]) -> dict[Group, list[Clip]]:
    """The clips by what they share: package or data set, licence and author."""
    groups: dict[Group, list[Clip]] = defaultdict(list)
    for clip in clips:
        group = Group(
            collection=str(clip.extra.get("package", clip.dataset)),
            version=str(clip.extra.get("version", "")),
            license=clip.license,
            url=clip.license_url,
            author=" ".join(clip.author.split()) or UNNAMED,
        )
        groups[group].append(clip)
    return groups


def _sources(clips: Iterable[Clip]) -> list[str]:
    """A line a file: its path, and where its clips begin if it was cut."""
    starts: dict[str, list[float]] = defaultdict(list)
    for clip in clips:
        package = str(clip.extra.get("package", ""))
        starts[clip.source.removeprefix(f"{package}/")].append(clip.start_s)
    return [
        f"{source}\t{','.join(f'{start:g}' for start in found)}" if any(found) else source
        for source, found in starts.items()
    ]
