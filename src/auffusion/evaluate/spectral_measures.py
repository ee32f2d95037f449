"""Scores of pairs of sounds that should be the same: after a vocoder, a VAE, a codec."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Method
from auffusion.evaluate.material import Material
from auffusion.evaluate.measure import Measured, Needs
from auffusion.evaluate.rows import Values
from auffusion.evaluate.spectral import (
    aligned,
    log_spectral_distance,
    multi_resolution_distance,
    spectral_distance_db,
)
from auffusion.evaluate.weighted import WeightedMean
from auffusion.shapes import Waveform

_DISTANCES = {
    "levels-db": spectral_distance_db,
    "lsd": log_spectral_distance,
    "multi-resolution": multi_resolution_distance,
}


@dataclass(frozen=True, kw_only=True)
class Spectral:
    """A distance of spectra."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.REFERENCE, Needs.PAIRS})
    distance: Literal["levels-db", "lsd", "multi-resolution"]
    """Which."""
    alignment: Literal["none", "audioldm-eval"] = "none"
    """`none` wants sounds of one length; `audioldm-eval` does what that suite does before."""
    sample_rate: int = 16_000
    """At which they are compared, in Hz."""

    @property
    def extractor(self) -> str:
        """No network."""
        return ""

    @property
    def fewest(self) -> int:
        """One clip."""
        return 1

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        sides = (
            side.waveforms(self.sample_rate) for side in (material.reference, material.generated)
        )
        values = np.array(
            [
                self._of_pair(name, ours, theirs)
                for (name, ours), (_, theirs) in zip(*sides, strict=True)
            ],
            np.float64,
        )
        return Measured(
            value=float(values.mean()),
            statistic=WeightedMean(values),
            method=Method.PERCENTILE,
            values=values,
        )

    def _of_pair(self, name: str, reference: Waveform, generated: torch.Tensor) -> float:
        try:
            if self.alignment == "audioldm-eval":
                reference, generated = aligned(reference, generated)
            found: Values = _DISTANCES[self.distance](reference, generated)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        return float(found[0])
