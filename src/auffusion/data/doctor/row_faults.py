"""What can be told of a row without its sound and without the rows around it."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from auffusion.data.description import LONGEST_CAPTION
from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.manifest import Row

_UNKNOWN = frozenset({"", "unknown", "noassertion", "none", "n/a", "na", "other", "?"})
# NC and ND as parts of an SPDX identifier or in words; Creative Commons' Sampling Plus forbids
# advertising and whole copies.
_RESTRICTED = re.compile(
    r"(?<![a-z])(nc|nd|non-?commercial|no-?deriv\w*|sampling|research|academic|educational|"
    r"remarc|proprietary|all rights reserved)(?![a-z])",
    re.IGNORECASE,
)


def row_faults(row: Row, file: Path | None) -> Iterator[tuple[Fault, str]]:
    """The faults of a row's path, captions and licence, each with a sentence.

    Args:
        row: the row.
        file: its file, None where its path names none in the data set's folder.
    """
    if file is None:
        yield Fault.PATH, f"{row.path[:200]!r} {_path_fault(row.path)}"
    yield from _caption_faults(row.captions)
    license_fault = fault_of_license(row.license)
    if license_fault is Fault.LICENSE_UNKNOWN:
        yield license_fault, "no licence is named"
    elif license_fault is not None:
        yield license_fault, f"{row.license[:100]} forbids commercial use or changes"


def fault_of_license(name: str) -> Fault | None:
    """What is the matter with a licence.

    >>> fault_of_license("CC-BY-NC-4.0"), fault_of_license("CC0-1.0")
    (<Fault.LICENSE_RESTRICTED: 'license-restricted'>, None)
    """
    if name.strip().lower() in _UNKNOWN:
        return Fault.LICENSE_UNKNOWN
    return Fault.LICENSE_RESTRICTED if _RESTRICTED.search(name) else None


def _path_fault(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if "://" in name:
        return "is an address, expected a path in the data set's folder"
    if path.is_absolute() or re.match(r"[A-Za-z]:", name):
        return "is an absolute path, expected one relative to the data set's folder"
    if ".." in path.parts:
        return "leads out of the data set's folder"
    if "\0" in name or not path.parts:
        return "is no path"
    return "is a link that leads out of the data set's folder, or no path"


def _caption_faults(captions: tuple[str, ...]) -> Iterator[tuple[Fault, str]]:
    blank = sum(not caption.strip() for caption in captions)
    if not captions:
        yield Fault.CAPTION_EMPTY, "it has no caption"
    elif blank:
        which = (
            "its caption is" if len(captions) == 1 else f"{blank} of {len(captions)} captions are"
        )
        yield Fault.CAPTION_EMPTY, f"{which} blank"
    longest = max(map(len, captions), default=0)
    if longest > LONGEST_CAPTION:
        yield (
            Fault.CAPTION_LONG,
            f"a caption has {longest} characters, expected at most {LONGEST_CAPTION}",
        )
