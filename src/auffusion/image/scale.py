"""How a log-mel value becomes a brightness in [0, 1], and back."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from auffusion.errors import InputError
from auffusion.shapes import LogMel

SILENCE = math.log(1e-5)
"""The log-mel of silence: the front-end's floor."""
LOUDEST = math.log(200.0)
"""The upper end of the published range; a full-scale tone reaches about 3.7 of its 5.3."""


@runtime_checkable
class MelScale(Protocol):
    """A map from log-mel values to [0, 1] and back, applied to each value alone."""

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1]."""
        ...

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness."""
        ...


@dataclass(frozen=True, kw_only=True)
class FixedLogRange:
    """The affine map of the published checkpoints: `low` is black, `high` is white.

    >>> import torch
    >>> FixedLogRange(low=-10.0, high=10.0).to_unit(torch.tensor([[[-10.0, 0.0, 12.0]]])).tolist()
    [[[0.0, 0.5, 1.0]]]
    """

    low: float = SILENCE
    """Log-mel of black: ln 1e-5, silence."""
    high: float = LOUDEST
    """Log-mel of white: ln 200."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"the log range {self.low} … {self.high} is not a range: "
                "give two finite numbers, the lower one first"
            )

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1]; values outside the range are clamped to its ends."""
        return ((log_mel - self.low) / (self.high - self.low)).clamp(0.0, 1.0)

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness."""
        return unit * (self.high - self.low) + self.low
