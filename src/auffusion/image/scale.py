"""How a log-mel value becomes a brightness in [0, 1], and back: three scales."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError
from auffusion.shapes import LogMel

SILENCE = math.log(1e-5)
"""The log-mel of silence: the front-end's floor."""
LOUDEST = math.log(200.0)
"""The upper end of the published range; a full-scale tone reaches about 3.7 of its 5.3."""


@runtime_checkable
class MelScale(Protocol):
    """A map from log-mel values to brightness, and its inverse as far as it has one."""

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1]."""
        ...

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness."""
        ...


def _check_range(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(
            f"the log range {low} … {high} is not a range: "
            "give two finite numbers, the lower one first"
        )


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
        _check_range(self.low, self.high)

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1]; values outside the range are clamped to its ends."""
        return ((log_mel - self.low) / (self.high - self.low)).clamp(0.0, 1.0)

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness."""
        return unit * (self.high - self.low) + self.low


@dataclass(frozen=True, kw_only=True)
class DatasetStandardisation:
    """The paper's map (§3.2): mean and deviation of the whole data set, not of the one clip.

    A standardised value has no bounds and a picture has: the mean is mid-grey, and `reach`
    deviations to either side are black and white.

    >>> import torch
    >>> scale = DatasetStandardisation(mean=-6.0, deviation=2.0, reach=4.0)
    >>> scale.to_unit(torch.tensor([[[-14.0, -6.0, -2.0]]])).tolist()
    [[[0.0, 0.5, 0.75]]]
    """

    mean: float
    """Mean log-mel of the data set."""
    deviation: float
    """Standard deviation of its log-mels."""
    reach: float = 4.0
    """Deviations between the mean and either end of the range; values beyond are clamped."""

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.mean, self.deviation, self.reach)))
        if not finite or self.deviation <= 0 or self.reach <= 0:
            raise InputError(
                f"mean {self.mean}, deviation {self.deviation} and reach {self.reach} do not "
                "describe a data set: give finite numbers, the last two above zero"
            )

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1]: ``(x - mean) / deviation``, fitted into the picture."""
        span = 2.0 * self.reach * self.deviation
        return ((log_mel - self.mean) / span + 0.5).clamp(0.0, 1.0)

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness."""
        # Written around the mean, where 2u - 1 is exact: in 32 bits the round trip then stays
        # under 2e-6, which ``u · span + low`` does not for the same reach.
        return (2.0 * unit - 1.0) * (self.reach * self.deviation) + self.mean


class RoundTripLoss(NamedTuple):
    """What a lossy scale takes from a clip: root mean square errors in log-mel."""

    quantisation: float
    """By rounding alone, were the clip's own range known to the decoder."""
    total: float
    """Of what the decoder really gives back, the clip's range being forgotten."""


@dataclass(frozen=True, kw_only=True)
class ClipMinMax8Bit:
    """Riffusion's map as the paper repeats it (B.3): each clip stretched, then cut to 8 bits.

    A clip's range is not kept in the picture, so that the decoder can only assume one: the map
    has no inverse, and `round_trip_loss` says what it costs. The baseline to compare with.
    """

    low: float = SILENCE
    """Log-mel that the decoder takes black for."""
    high: float = LOUDEST
    """Log-mel that the decoder takes white for."""

    def __post_init__(self) -> None:
        _check_range(self.low, self.high)

    def to_unit(self, log_mel: LogMel) -> LogMel:
        """Brightness in [0, 1] on 256 levels; a clip of one value only is black."""
        lowest, span = _clip_range(log_mel)
        # Rounded to the nearest level: half the error of truncation.
        return ((log_mel - lowest) / span * 255.0).round() / 255.0

    def from_unit(self, unit: LogMel) -> LogMel:
        """Log-mel of a brightness, if the clip filled the range from `low` to `high`."""
        return unit * (self.high - self.low) + self.low

    def round_trip_loss(self, log_mel: LogMel) -> RoundTripLoss:
        """What the way into the picture and back costs these clips, over all their values.

        >>> import torch
        >>> quiet = torch.linspace(-11.5, -3.5, 1000).reshape(1, 10, 100)
        >>> loss = ClipMinMax8Bit().round_trip_loss(quiet)
        >>> round(loss.quantisation, 3), round(loss.total, 1)  # a step is 8/255; the gain is lost
        (0.009, 5.1)
        """
        unit = self.to_unit(log_mel)
        lowest, span = _clip_range(log_mel)
        return RoundTripLoss(
            quantisation=_root_mean_square(unit * span + lowest - log_mel),
            total=_root_mean_square(self.from_unit(unit) - log_mel),
        )


_OneAnItem = Float[Tensor, "batch 1 1"]


def _clip_range(log_mel: LogMel) -> tuple[_OneAnItem, _OneAnItem]:
    """Lowest value and span of each clip; a clip of one value only spans 1."""
    lowest = log_mel.amin(dim=(-2, -1), keepdim=True)
    span = log_mel.amax(dim=(-2, -1), keepdim=True) - lowest
    return lowest, span.where(span > 0, 1.0)


def _root_mean_square(error: LogMel) -> float:
    return error.square().mean().sqrt().item()
