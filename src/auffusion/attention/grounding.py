"""Is a word grounded: does the network look for it where it sounds?

Conventions
-----------
A map is a word's share of attention [row column], row 0 the highest frequencies; it is judged as it
stands, whatever its scale, since the shares of different words and models are of different sizes.
A target is the level of a sound on the same grid, or of the one event that the word means, 0 for
silence; any non-negative picture will do.

Scores
------
* `agreement`: do the places of highest attention hold most of the target? The Gini correlation
  (Schechtman & Yitzhaki, doi:10.1080/03610928708829359) of target t and map m over all places,

      Γ = cov(t, rank(m)) / cov(t, rank(t)),

  1 where the map orders the places as the target does, 0 for a uniform map and on average for a
  shuffled one, -1 for the reverse order. For a target of zeros and ones it is 2 AUC - 1.
* `chance`: the mean agreement of the map shifted in time, all the way round. What a map owes to
  frequencies alone (low bands are loud most of the time) a shifted one has too.
* `p_value`: the share of these shifts, the map as it is among them, that agree as well as it does.
  1 for a map without any timing or a sound without any; 1 / columns at best.
* `concentration`: 1 - entropy / log(places): 0 for a uniform map, 1 for a single place.
* `distinctness`: Jensen-Shannon divergence in bits from the mean map of the other words, 0 to 1.
  Where the paper finds "similar attention maps for each token" (§4.3) it is near 0.

A word is *grounded* when its map agrees with the target (above 0.2) and its timing is no accident
(p at most 0.05); `Grounding.grounded` says so, and the numbers are there for who would draw the
lines elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from auffusion.errors import InputError

Picture = Float[np.ndarray, "row column"]
"""A map or a target."""
Target = Float[np.ndarray, "_ _"]
"""A target, before it is known to be on the map's grid."""

LEAST_AGREEMENT = 0.2
"""Agreement above which a word may be grounded."""
LARGEST_P = 0.05
"""Share of shifts up to which its timing is no accident."""


@dataclass(frozen=True, kw_only=True)
class Grounding:
    """How well one word is grounded; the module says what each number means."""

    agreement: float
    """-1 to 1."""
    chance: float
    """Mean agreement of the map shifted in time."""
    p_value: float
    """Share of shifts that agree as well, 0 to 1."""
    concentration: float
    """0 (uniform) to 1 (a point)."""
    distinctness: float | None
    """0 (the other words' mean map) to 1; None for the only word."""

    @property
    def grounded(self) -> bool:
        """Whether the map agrees with the target, and by its timing."""
        return self.agreement > LEAST_AGREEMENT and self.p_value <= LARGEST_P


def validate(picture: Picture, target: Target) -> None:
    """Raise `InputError` for a map and a target that cannot be held against each other."""
    if picture.shape != target.shape:
        raise InputError(
            f"a map of {picture.shape[0]}x{picture.shape[1]} and a target of "
            f"{target.shape[0]}x{target.shape[1]} do not fit: bring both to one grid"
        )
    for name, values in (("map", picture), ("target", target)):
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError(f"the {name} holds negative numbers or numbers that are not finite")
    if np.ptp(target) == 0:
        raise InputError(
            "the target is the same everywhere: a word cannot be grounded in silence or in a "
            "sound without any shape"
        )
    if not picture.sum() > 0:
        raise InputError("the map is zero everywhere: its word was never attended to")


def grounding(picture: Picture, target: Target, others: Sequence[Picture] = ()) -> Grounding:
    """The scores of one word.

    >>> event = np.zeros((2, 40))
    >>> event[:, 30:] = 1.0
    >>> found = grounding(event, event)
    >>> found.agreement, found.p_value, found.grounded
    (1.0, 0.025, True)
    >>> grounding(np.ones((2, 40)), event).agreement
    0.0

    Args:
        picture: the word's map.
        target: level of the sound, or of the event that the word means, on the same grid.
        others: maps of the prompt's other words.

    Raises:
        InputError: shapes that differ, negative numbers, or a target without any shape.
    """
    validate(picture, target)
    shifted = shifted_agreements(picture, target)
    # Rounding must not decide between shifts that agree equally.
    as_good = shifted >= shifted[0] - 1e-9
    return Grounding(
        agreement=float(shifted[0]),
        chance=float(shifted.mean()),
        p_value=float(as_good.mean()),
        concentration=concentration(picture),
        distinctness=distinctness(picture, others) if others else None,
    )


def agreement(picture: Picture, target: Picture) -> float:
    """The Gini correlation of target and map."""
    return float(shifted_agreements(picture, target)[0])


def shifted_agreements(picture: Picture, target: Picture) -> Float[np.ndarray, "column"]:
    """The agreement of the map shifted by 0, 1, … columns to the right, all the way round."""
    ranks = _centred_ranks(picture)
    best = float((target * _centred_ranks(target)).sum())
    shifts = range(picture.shape[1])
    return np.array([(target * np.roll(ranks, by, axis=1)).sum() for by in shifts]) / best


def concentration(picture: Picture) -> float:
    """How far the map is from uniform.

    >>> concentration(np.ones((4, 4))), concentration(np.eye(4)[:1])
    (0.0, 1.0)
    """
    # Adding zero turns the -0.0 of a single place into 0.
    return 1.0 - _entropy(_normalised(picture)) / float(np.log2(picture.size)) + 0.0


def distinctness(picture: Picture, others: Sequence[Picture]) -> float:
    """How far the map is from the mean of the others, each counted alike.

    >>> distinctness(np.eye(2), [np.eye(2)]), distinctness(np.eye(2), [1 - np.eye(2)])
    (0.0, 1.0)
    """
    own = _normalised(picture)
    rest = np.mean([_normalised(other) for other in others], axis=0)
    divergence = _entropy((own + rest) / 2) - (_entropy(own) + _entropy(rest)) / 2
    return max(divergence, 0.0)


def _normalised(picture: Picture) -> Picture:
    exact = picture.astype(np.float64)
    return exact / exact.sum()


def _entropy(shares: Picture) -> float:
    held = shares[shares > 0]
    return float(-(held * np.log2(held)).sum())


def _centred_ranks(picture: Picture) -> Picture:
    """Ranks around 0; places of equal value share the mean of theirs."""
    _, place, counts = np.unique(picture, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - counts / 2
    return (ranks - picture.size / 2)[place].reshape(picture.shape)
