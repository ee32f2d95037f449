"""Log-mel to picture and back: the picture that Stable Diffusion's VAE is shown (paper §3.2)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from auffusion.errors import InputError
from auffusion.image.scale import (
    ClipMinMax8Bit,
    DatasetStandardisation,
    FixedLogRange,
    MelScale,
)
from auffusion.shapes import LogMel, SpecImage

SCALES: dict[str, type[FixedLogRange | DatasetStandardisation | ClipMinMax8Bit]] = {
    "fixed-log-range": FixedLogRange,
    "dataset-standardisation": DatasetStandardisation,
    "clip-min-max-8bit": ClipMinMax8Bit,
}
"""Every scale by the `kind` that a stored model names it with."""


@dataclass(frozen=True)
class MelImageCodec:
    """A grey picture in three equal channels, time to the right, the highest band in row 0.

    >>> import torch
    >>> codec = MelImageCodec(FixedLogRange(low=0.0, high=4.0))
    >>> image = codec.encode(torch.tensor([[[0.0], [1.0]]]))  # a low band, a high band
    >>> image.shape, image[0, 0].tolist()
    (torch.Size([1, 3, 2, 1]), [[0.25], [0.0]])
    >>> codec.decode(image).tolist()
    [[[0.0], [1.0]]]
    """

    scale: MelScale = field(default_factory=FixedLogRange)
    """How values become brightness."""

    def encode(self, log_mel: LogMel) -> SpecImage:
        """Picture in [0, 1] of each item."""
        unit = self.scale.to_unit(log_mel.float())
        return unit.flip(-2)[:, None].expand(-1, 3, -1, -1).contiguous()

    def decode(self, image: SpecImage) -> LogMel:
        """Log-mel of each item: the first channel alone, as the published chain reads it.

        Computed in 32 bits whatever the picture's precision: in 16 bits this step alone would
        cost 0.01 of log-mel.
        """
        return self.scale.from_unit(image[:, 0].float().flip(-2))

    def to_config(self) -> dict[str, str | float]:
        """The scale and its numbers, ready for JSON.

        >>> MelImageCodec(ClipMinMax8Bit(low=-10.0, high=5.0)).to_config()
        {'kind': 'clip-min-max-8bit', 'low': -10.0, 'high': 5.0}

        Raises:
            InputError: the scale is none of `SCALES`, so that `from_config` could not know it.
        """
        for kind, scale in SCALES.items():
            if isinstance(self.scale, scale):
                return {"kind": kind, **asdict(self.scale)}
        raise InputError(
            f"the picture scale {type(self.scale).__name__} has no name to be stored under: "
            f"use one of {', '.join(SCALES)}"
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "MelImageCodec":
        """The codec that `to_config` described.

        Raises:
            InputError: an unknown kind, a missing, unknown or non-numeric entry.
        """
        numbers = dict(config)
        kind = numbers.pop("kind", None)
        if not isinstance(kind, str) or kind not in SCALES:
            raise InputError(
                f"the picture scale kind {kind!r} is unknown: expected one of {', '.join(SCALES)}"
            )
        scale = SCALES[kind]
        _check_entries(kind, numbers, [f.name for f in fields(scale)])
        try:
            return cls(scale(**{name: float(number) for name, number in numbers.items()}))
        except TypeError as error:
            # Which entries a scale can do without, its constructor alone knows.
            raise InputError(f"the picture scale {kind!r} is incomplete: {error}") from error


def _check_entries(kind: str, numbers: Mapping[str, Any], known: list[str]) -> None:
    for name, number in numbers.items():
        if name not in known:
            raise InputError(
                f"the picture scale {kind!r} has no entry {name!r}: expected {', '.join(known)}"
            )
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{name!r} of the picture scale must be a number, not {number!r}")
