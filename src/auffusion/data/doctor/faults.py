"""What can be wrong with a row of a data set."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a fault means for its row."""

    ERROR = "error"
    """The row is rejected."""
    WARNING = "warning"
    """The row stays; somebody should look at it."""


class Fault(StrEnum):
    """Kinds of faults, in the order in which they are told."""

    ROW = "row"
    """A line that cannot be read: no JSON, a column short, a value of the wrong kind."""
    PATH = "path"
    """A path that leads out of the data set, an absolute one, or an address in its place."""
    REPEATED = "repeated"
    """An id that an earlier row has."""
    CAPTION_EMPTY = "caption-empty"
    """No caption, or a blank one."""
    CAPTION_LONG = "caption-long"
    """A caption of more than 10,000 characters."""
    CAPTIONS_SHIFTED = "captions-shifted"
    """The captions of a run of rows belong to the rows beside them."""
    MISSING = "missing"
    """The sound is not there."""
    CORRUPT = "corrupt"
    """The sound cannot be decoded, or holds NaN or infinite samples."""
    TRUNCATED = "truncated"
    """The file ends before its header says."""
    KILLED = "killed"
    """The decoder died on the file, or took more time or memory than it may."""
    SILENT = "silent"
    """Nothing is heard."""
    CLIPPED = "clipped"
    """Its tops are cut off."""
    LENGTH = "length"
    """The sound is longer or shorter than the row says."""
    CHANGED = "changed"
    """The samples are not those that the row's hash was taken of."""
    LEAK_SETS = "leak-sets"
    """The sound is in a data set that this one must not share sounds with."""
    LEAK_SPLITS = "leak-splits"
    """The sound, or its recording, is in a split that is judged by, too."""
    DUPLICATE = "duplicate"
    """An earlier row of its split has the same samples."""
    NEAR_DUPLICATE = "near-duplicate"
    """An earlier row of its split has the same sound: louder, encoded or resampled."""
    LICENSE_UNKNOWN = "license-unknown"
    """Nobody says on what terms it may be used."""
    LICENSE_RESTRICTED = "license-restricted"
    """Its licence forbids commercial use or changes."""

    @property
    def severity(self) -> Severity:
        """What it means unless the checks say otherwise."""
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR

    @property
    def told(self) -> str:
        """Its name for people.

        >>> Fault.LEAK_SPLITS.told
        'leak between splits'
        """
        return _TITLES.get(self, self.value.replace("-", " "))


_WARNINGS = frozenset({Fault.CLIPPED, Fault.LICENSE_UNKNOWN, Fault.LICENSE_RESTRICTED})
_TITLES = {
    Fault.ROW: "row unreadable",
    Fault.PATH: "path leads out",
    Fault.REPEATED: "id repeated",
    Fault.KILLED: "decoder killed",
    Fault.CAPTION_EMPTY: "caption empty",
    Fault.CAPTION_LONG: "caption too long",
    Fault.LENGTH: "wrong length",
    Fault.CHANGED: "content changed",
    Fault.LEAK_SETS: "leak between sets",
    Fault.LEAK_SPLITS: "leak between splits",
    Fault.NEAR_DUPLICATE: "near-duplicate",
    Fault.LICENSE_UNKNOWN: "licence unknown",
    Fault.LICENSE_RESTRICTED: "licence restricted",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of one row."""

    number: int
    """Which row, from 0."""
    place: str
    """Where it stands, such as `clips.csv:12`."""
    id: str
    """The row's id, or its path where it has none; empty where it cannot be read."""
    fault: Fault
    """What kind."""
    severity: Severity
    """What it means for the row."""
    detail: str
    """One sentence."""
