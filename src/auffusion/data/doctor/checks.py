"""What the doctor looks at, and from where on it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auffusion.data.doctor.faults import Fault, Severity
from auffusion.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What is checked; the thresholds' reasons stand where they are used."""

    sounds: bool = True
    """Open the sounds; without, only rows, captions, licences and origins are looked at."""
    against: tuple[Path, ...] = ()
    """Prepared folders, manifests and lists of ids that the data set must share no sound with."""
    severities: Mapping[Fault, Severity] = field(default_factory=lambda: {})
    """Faults that are to mean something else than usual."""
    block: int = 128
    """Rows of a unit of work."""
    seconds: float = 60.0
    """The longest that one file may take to decode."""
    memory_mb: int = 1024
    """The memory that one file may take to decode, besides the decoder itself."""
    longest_s: float = 600.0
    """So much of a sound is examined."""
    quietest_peak: float = 1e-3
    """A sound that never goes further from its middle is silent: -60 dB of full scale."""
    clipped_share: float = 1e-3
    """Share of samples in cut-off tops from which a sound counts as clipped."""
    length_s: float = 0.05
    """A declared length may be wrong by this …"""
    length_share: float = 0.01
    """… or by this share of the real one."""
    similar: float = 0.9985
    """Cosine of two fingerprints above which they are of one sound."""
    examples: int = 8
    """Examples of each fault in the report."""

    def __post_init__(self) -> None:
        if self.block < 1:
            raise InputError(f"blocks of {self.block} rows cannot be: choose 1 or more")
        if not 0.99 <= self.similar < 1:
            raise InputError(f"a cosine of {self.similar:g} is no likeness: choose 0.99 to 1")

    def severity(self, fault: Fault) -> Severity:
        """What a fault means here."""
        return self.severities.get(fault, fault.severity)
