"""What a check found, as numbers and examples; the findings themselves stay on disk until asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.faults import Fault, Finding, Severity
from auffusion.data.doctor.manifest import Manifest
from auffusion.data.doctor.store import Store
from auffusion.errors import InputError

MAX_BAD_FRACTION = 0.05
"""Share of rows that may be rejected unless somebody says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """Rows that have something in common: a split, a licence."""

    name: str
    """What."""
    rows: int
    """All that can be read."""
    hours: float
    """Of all: as measured, or as declared where the sound was not opened."""
    clean_rows: int
    """Those that are not rejected."""
    clean_hours: float
    """Of those that are not rejected."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How a measure is spread over the sounds."""

    title: str
    """What is measured."""
    unit: str
    """`s` or `dB`."""
    edges: tuple[float, ...]
    """Between the bins; what lies outside is in the first or last."""
    counts: tuple[int, ...]
    """Sounds in each bin."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A finding with its caption."""

    place: str
    """Where the row stands."""
    id: str
    """Its id, or its path."""
    caption: str
    """The beginning of its first caption."""
    detail: str
    """One sentence."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A set that the data set was held against."""

    name: str
    """File or folder."""
    rows: int
    """Rows or ids that were held against it."""
    opened: int
    """Sounds of them that could be opened."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found."""

    name: str
    """The data set's folder or file."""
    rows: int
    """All rows, readable or not."""
    opened: int
    """Sounds that could be decoded."""
    rejected: int
    """Rows with an error."""
    warned: int
    """Rows with warnings only."""
    faults: Mapping[Fault, int]
    """Rows with each fault; faults that no row has are not in it."""
    splits: tuple[Share, ...]
    """Hours by split."""
    licenses: tuple[Share, ...]
    """Hours by licence, the largest first."""
    histograms: tuple[Histogram, ...]
    """Lengths, peaks, levels; empty where no sound was opened."""
    examples: Mapping[Fault, tuple[Example, ...]]
    """The first rows of each fault."""
    held: tuple[Held, ...]
    """What it was held against."""
    checks: Checks
    """What was looked at."""
    manifest: Manifest = field(repr=False)
    """Where the rows came from."""
    store: Store = field(repr=False)
    """Where the findings are."""

    def __enter__(self) -> "Report":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the findings; the numbers stay."""
        self.store.close()

    @property
    def bad_fraction(self) -> float:
        """Share of rows that are rejected."""
        return self.rejected / self.rows

    def severity(self, fault: Fault) -> Severity:
        """What a fault meant in this check."""
        return self.checks.severity(fault)

    def findings(self) -> Iterator[Finding]:
        """All findings, row by row."""
        return self.store.findings()

    def refuse_above(self, max_bad_fraction: float = MAX_BAD_FRACTION) -> None:
        """Refuse a data set of which too much is rejected.

        Raises:
            InputError: more than this share of rows is.
        """
        if self.bad_fraction > max_bad_fraction:
            told = ", ".join(
                f"{count} {fault.told}"
                for fault, count in sorted(self.faults.items(), key=lambda one: -one[1])
                if self.severity(fault) is Severity.ERROR
            )
            raise InputError(
                f"{self.rejected} of {self.rows} rows of {self.name} are rejected ({told}), more "
                f"than the share of {max_bad_fraction:g} that may be: mend them, go on with the "
                "clean rows, or allow more"
            )


def told_length(hours: float) -> str:
    """A length in the unit that suits it.

    >>> told_length(7700.0), told_length(0.5), told_length(0.002)
    ('7,700.0 h', '30.0 min', '7.2 s')
    """
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{60 * hours:.1f} min" if 60 * hours >= 1 else f"{3600 * hours:.1f} s"
