"""What a kind of score is: called with `Material`, it gives a `Measured`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from auffusion.evaluate.bootstrap import Method, Statistic
from auffusion.evaluate.material import Material
from auffusion.evaluate.rows import Values


class Needs(StrEnum):
    """What a score cannot do without, besides the generated clips."""

    REFERENCE = "reference"
    PAIRS = "pairs"
    CAPTIONS = "captions"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A score, and what is needed to say how sure it is."""

    value: float
    """The score."""
    statistic: Statistic
    """The score as a function of how often each clip counts."""
    method: Method
    """Which interval is right for it."""
    values: Values | None = None
    """The score of each clip, where there is such a thing."""
    details: Mapping[str, float] = field(default_factory=lambda: {})
    """Further numbers that belong to it, such as the deviation over parts."""
    features: int = 0
    """Of Gaussians, the number of features; 0 for others."""
    rows: tuple[int, int] = (0, 0)
    """Of Gaussians, the rows of both sides."""


@runtime_checkable
class Measure(Protocol):
    """A score with all its choices."""

    needs: ClassVar[frozenset[Needs]]

    @property
    def extractor(self) -> str:
        """Name of the network it is of; empty for scores of the sounds themselves."""
        ...

    @property
    def fewest(self) -> int:
        """Clips that there must be at least."""
        ...

    def __call__(self, material: Material) -> Measured:
        """Compute it.

        Raises:
            InputError: what the metric refuses.
        """
        ...
