"""Scores of captions and the sounds that were made for them."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from auffusion.evaluate.bootstrap import Method
from auffusion.evaluate.clap_score import clap_score
from auffusion.evaluate.material import Material
from auffusion.evaluate.measure import Measured, Needs
from auffusion.evaluate.retrieval import ranks, recall_at, similarity
from auffusion.evaluate.rows import Values
from auffusion.evaluate.weighted import WeightedMean


@dataclass(frozen=True, kw_only=True)
class Clap:
    """The CLAP score."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.CAPTIONS})
    extractor: str
    """Of sounds and texts."""
    scale: float = 100.0
    """What the cosine is multiplied by."""

    @property
    def fewest(self) -> int:
        """One clip."""
        return 1

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        sounds = material.generated.means(self.extractor, "embedding").rows
        return _mean_of(clap_score(material.texts(self.extractor), sounds), self.scale)


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Retrieval in percent; the pool of a draw stays that of all clips."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.CAPTIONS})
    extractor: str
    """Of sounds and texts."""
    k: int = 10
    """How many of the most similar items are looked at."""
    query: Literal["caption", "sound"] = "caption"
    """What looks for the other."""

    @property
    def fewest(self) -> int:
        """One more than are looked at."""
        return self.k + 1

    def __call__(self, material: Material) -> Measured:
        """See `Measure`."""
        texts = material.texts(self.extractor)
        sounds = material.generated.means(self.extractor, "embedding").rows
        sides = (texts, sounds) if self.query == "caption" else (sounds, texts)
        return _mean_of(recall_at(ranks(similarity(*sides), material.captions), self.k), 100.0)


def _mean_of(values: Values, scale: float) -> Measured:
    """A score that is a mean over clips."""
    scaled = scale * values
    return Measured(
        value=float(scaled.mean()),
        statistic=WeightedMean(scaled),
        method=Method.PERCENTILE,
        values=scaled,
    )
