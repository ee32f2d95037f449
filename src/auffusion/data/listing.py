"""What a data set says about its sounds, before any of them is opened.

A preparer reads its set's own lists and yields a `Listed` for each clip, or a `Reject` for each
line that names none; the preparation decodes, cuts and stores them, the same way for every set.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from auffusion.errors import InputError

Extra = dict[str, str | int | float | bool]
"""What only one data set knows of its clips: fold, take, annotator …"""

SPLITS = ("train", "validation", "test")
"""The names of the splits, whatever a data set calls them."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_KEY = 60
_LONGEST_S = 600


class Reason(StrEnum):
    """Why a line or a clip is left out."""

    ROW = "row"
    """A line of a list that cannot be read: no JSON, not UTF-8, a column short."""
    PATH = "path"
    """A path that leads out of the data set, or an address in its place."""
    MISSING = "missing"
    """A listed sound that is not in the folder: a dead link, an archive that was short."""
    CAPTION = "caption"
    """No caption, or none that is a text of sensible length."""
    REPEATED = "repeated"
    """A key that an earlier clip has."""
    DAMAGED = "damaged"
    """A file that cannot be decoded, or ends before its header says."""
    KILLED = "killed"
    """A file whose decoder died, or took more time or memory than it may."""
    SHORT = "short"
    """A sound under the shortest that is taken; the paper drops those under a second (App. A)."""
    SILENT = "silent"
    """A sound in which nothing is heard."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One clip as its data set lists it."""

    key: str
    """Names it within its data set; the same in every run."""
    file: Path
    """The sound file, as it is to be opened."""
    source: str
    """That file as the manifest names it: relative to the data set's folder, with `/`."""
    captions: tuple[str, ...]
    """What is heard, in sentences; the first is the main one."""
    split: str
    """`train`, `validation` or `test`."""
    labels: tuple[str, ...] = ()
    """Classes, where the data set has them."""
    start_s: float = 0.0
    """Where in the file it begins."""
    seconds: float | None = None
    """How long it is; None is to the end of the file."""
    origin: str = ""
    """Where the recording was first published: `youtube:ID` or `freesound:NUMBER`; the same
    recording in two data sets has the same origin. Empty where nobody knows."""
    license: str = "unknown"
    """SPDX identifier where there is one."""
    license_url: str = ""
    """Where that licence can be read."""
    author: str = ""
    """Whom to name."""
    extra: Extra = field(default_factory=lambda: {})
    """What else the data set says."""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"the split {self.split!r} of {self.key} is none of {SPLITS}")


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A clip or a line of a list that was left out, and why."""

    key: str
    """The clip's key, or the place of the line, such as `esc50.csv:12`."""
    source: str
    """The file that it speaks of; empty where none can be told."""
    reason: Reason
    """What kind of fault."""
    detail: str
    """One sentence."""
    seconds: float = 0.0
    """Length of the file, where it was told before the clip was left out."""


Listing = Iterator[Listed | Reject]
"""Every clip of a data set, in an order that is the same in every run."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How sounds become clips."""

    first_s: float = 30.0
    """Only so much of a recording is used (§4.1: the first thirty seconds)."""
    shortest_s: float = 1.0
    """Shorter ones are dropped (App. A)."""
    quietest_peak: float = 1e-3
    """A sound that never exceeds it is silent: -60 dB of full scale."""
    loudest_peak: float = 1.0
    """What is louder is brought down to it, not clipped."""
    trim: bool = False
    """Cut what is under -60 dB of the peak from both ends, but for 50 ms, before anything else."""

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        if not 0 < self.shortest_s <= self.first_s <= _LONGEST_S:
            raise InputError(
                f"clips of {self.shortest_s:g} to {self.first_s:g} s cannot be: choose a shortest "
                f"above 0 that is not over the first seconds used, and these at most {_LONGEST_S}"
            )


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set that can be prepared."""

    name: str
    """Its name on the command line, and the beginning of its clips' ids."""
    title: str
    """Its name in the paper's Table 4 or in its own."""
    about: str
    """One sentence: what it holds and how much."""
    homepage: str
    """Where its publishers offer it."""
    license: str
    """Of the set as a whole; clips carry their own where it differs."""
    layout: str
    """What the source folder must hold: the published files, as they unpack."""
    read: Callable[[Path, Path], Listing]
    """(source folder, folder for temporary files) to the clips."""
    rules: Rules = field(default_factory=Rules)
    """How its sounds become clips; the paper's unless it says otherwise."""
    attributed: bool = False
    """Whether a list of every clip's source, licence and author is written beside the manifest:
    for sets that are meant to ship in weights."""


def clip_key(*parts: object) -> str:
    """A key of letters, digits, `-` and `_` from whatever names a clip.

    What had to be changed or cut for that is told apart by eight digits of a hash.

    >>> clip_key("1-100032-A-0"), clip_key("Rain, heavy 01.wav", 3)
    ('1-100032-A-0', 'Rain-heavy-01-wav-3-e9527ff0')
    """
    whole = "-".join(str(part) for part in parts)
    safe = _UNSAFE.sub("-", whole).strip("-")[:_LONGEST_KEY]
    if safe == whole:
        return safe
    return f"{safe}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}".lstrip("-")


def missing(key: str, source: str, what: str) -> Reject:
    """The reject of a listed sound that is not there."""
    return Reject(
        key=key, source=source, reason=Reason.MISSING, detail=f"{source} is not there: {what}"
    )


def left_out(place: str, reason: Reason, fault: str, *, source: str = "") -> Reject:
    """The reject of a line, by its place such as `esc50.csv:12`."""
    detail = f"{place} was left out: {fault}"
    return Reject(key=place, source=source, reason=reason, detail=detail)
