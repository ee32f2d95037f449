"""Kinds of scores that a protocol may have, each with the choices that make it one score.

Each is called with `Material` and gives a `Measured`: the score, and how it would be computed
again of other draws of the clips. The choices are the fields, named in a protocol's file.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np

from auffusion.errors import InputError
from auffusion.evaluate.bootstrap import Method
from auffusion.evaluate.divergence import Activation, Direction, kl_divergence
from auffusion.evaluate.diversity import diversity
from auffusion.evaluate.fad_infinity import fad_infinity
from auffusion.evaluate.frechet import frechet_distance
from auffusion.evaluate.frechet_sqrtm import sqrtm_frechet_distance
from auffusion.evaluate.inception import inception_score
from auffusion.evaluate.kernel import kernel_distance, median_distance
from auffusion.evaluate.material import Material, Side
from auffusion.evaluate.measure import Measured, Needs
from auffusion.evaluate.weighted import (
    ClipRows,
    WeightedDiversity,
    WeightedFadInfinity,
    WeightedFrechet,
    WeightedInception,
    WeightedKernel,
    WeightedMean,
)


class Pieces(StrEnum):
    """What becomes of a network that hears a clip in pieces."""

    ALL = "all"
    """Each piece is a row; long clips weigh more."""
    MEAN = "mean"
    """The mean of the pieces is the clip's only row."""


_REFERENCE = frozenset({Needs.REFERENCE})
_PAIRS = frozenset({Needs.REFERENCE, Needs.PAIRS})


def _rows(side: Side, extractor: str, array: str, pieces: Pieces) -> ClipRows:
    take = side.pieces if pieces is Pieces.ALL else side.means
    return take(extractor, array)


@dataclass(frozen=True, kw_only=True)
class Frechet:
    """FD and FAD."""

    needs: ClassVar[frozenset[Needs]] = _REFERENCE
    extractor: str
    """Of the features."""
    array: str = "embedding"
    """Which of its arrays."""
    pieces: Pieces = Pieces.ALL
    """What becomes of the pieces of a clip."""
    formula: Literal["exact", "sqrtm"] = "exact"
    """`sqrtm` is what older suites compute, errors included; intervals are of the exact one."""

    @property
    def fewest(self) -> int:
        """Two clips."""
        return 2

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        sides = [
            _rows(side, self.extractor, self.array, self.pieces)
            for side in (material.reference, material.generated)
        ]
        reference, generated = sides
        distance = frechet_distance if self.formula == "exact" else sqrtm_frechet_distance
        return Measured(
            value=distance(reference.rows, generated.rows),
            statistic=WeightedFrechet(reference, generated),
            method=Method.CENTRED,
            features=reference.rows.shape[1],
            rows=(len(reference.rows), len(generated.rows)),
        )


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """KAD, of one row a clip."""

    needs: ClassVar[frozenset[Needs]] = _REFERENCE
    extractor: str
    """Of the features."""
    array: str = "embedding"
    """Which of its arrays."""
    bandwidth: Literal["reference", "generated"] = "reference"
    """Whose median distance is the kernel's width."""

    @property
    def fewest(self) -> int:
        """Two clips."""
        return 2

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        reference = material.reference.means(self.extractor, self.array).rows
        generated = material.generated.means(self.extractor, self.array).rows
        width = median_distance(reference if self.bandwidth == "reference" else generated)
        return Measured(
            value=kernel_distance(reference, generated, bandwidth=width),
            statistic=WeightedKernel(reference, generated, width, paired=material.paired),
            method=Method.CENTRED,
            details={"bandwidth": width},
        )


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """KL."""

    needs: ClassVar[frozenset[Needs]] = _PAIRS
    extractor: str
    """Of the logits."""
    array: str = "logits"
    """Which of its arrays."""
    pieces: Pieces = Pieces.MEAN
    """`mean` averages logits over a clip's pieces before the softmax; `all` compares each piece."""
    activation: Activation = Activation.SOFTMAX
    """What makes probabilities."""
    direction: Direction = Direction.REFERENCE_GENERATED
    """Whose probabilities weight the sum."""
    epsilon: float = 1e-6
    """Added to the other side's probabilities."""

    @property
    def fewest(self) -> int:
        """One clip."""
        return 1

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        reference = _rows(material.reference, self.extractor, self.array, self.pieces)
        generated = _rows(material.generated, self.extractor, self.array, self.pieces)
        _check_pieces(material, reference, generated)
        found = kl_divergence(
            reference.rows,
            generated.rows,
            activation=self.activation,
            direction=self.direction,
            epsilon=self.epsilon,
        )
        starts = np.cumsum(reference.pieces) - reference.pieces
        sums = np.add.reduceat(found, starts)
        return Measured(
            value=float(found.mean()),
            statistic=WeightedMean(sums, reference.pieces),
            method=Method.PERCENTILE,
            values=sums / reference.pieces,
        )


def _check_pieces(material: Material, reference: ClipRows, generated: ClipRows) -> None:
    if reference.pieces.tolist() != generated.pieces.tolist():
        clip = int(np.argmax(reference.pieces != generated.pieces))
        name = material.reference.names[material.reference.chosen[clip]]
        raise InputError(
            f"{name} has {reference.pieces[clip]} pieces in the reference and "
            f"{generated.pieces[clip]} generated ones: make both equally long, or average the "
            "pieces"
        )


@dataclass(frozen=True, kw_only=True)
class Inception:
    """IS."""

    needs: ClassVar[frozenset[Needs]] = frozenset()
    extractor: str
    """Of the logits."""
    array: str = "logits"
    """Which of its arrays."""
    splits: int = 10
    """Parts that the clips are cut into."""
    seed: int = 2020
    """Of their order."""

    @property
    def fewest(self) -> int:
        """One clip a part."""
        return self.splits

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        logits = material.generated.means(self.extractor, self.array).rows
        found = inception_score(logits, splits=self.splits, seed=self.seed)
        return Measured(
            value=found.mean,
            statistic=WeightedInception(logits, splits=self.splits, seed=self.seed),
            method=Method.CENTRED,
            details={"deviation over parts": found.deviation},
        )


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """Mean distance of generated clips from each other."""

    needs: ClassVar[frozenset[Needs]] = frozenset()
    extractor: str
    """Of the embeddings."""
    array: str = "embedding"
    """Which of its arrays."""

    @property
    def fewest(self) -> int:
        """Two clips."""
        return 2

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        rows = material.generated.means(self.extractor, self.array).rows
        return Measured(
            value=diversity(rows), statistic=WeightedDiversity(rows), method=Method.CENTRED
        )


@dataclass(frozen=True, kw_only=True)
class FadInfinity:
    """FAD-∞, of all pieces."""

    needs: ClassVar[frozenset[Needs]] = _REFERENCE
    extractor: str
    """Of the features."""
    array: str = "embedding"
    """Which of its arrays."""
    steps: int = 25
    """Sizes of subsets."""
    least: int = 500
    """Rows of the smallest."""
    seed: int = 0
    """Of the draws."""

    @property
    def fewest(self) -> int:
        """Two clips."""
        return 2

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        reference = material.reference.pieces(self.extractor, self.array)
        generated = material.generated.pieces(self.extractor, self.array)
        options = {"steps": self.steps, "least": self.least, "seed": self.seed}
        found = fad_infinity(reference.rows, generated.rows, **options)
        return Measured(
            value=found.score,
            statistic=WeightedFadInfinity(reference, generated, **options),
            method=Method.CENTRED,
            details={"R²": found.r_squared, "standard error of the line": found.standard_error},
        )
