"""CLAP score: how well a sound fits its caption, in the eyes of a network that knows both.

Conventions
-----------
Row k of both arrays are embeddings of a caption and of its sound. The score is the mean cosine
times 100, as the paper prints it (§4.1; the steps that lead to the embeddings are in
https://github.com/happylittlecat2333/Auffusion/issues/11); others print it without the factor.
Scores of different checkpoints cannot be compared.

Metrics
-------
* `clap_score`: the cosine of each pair.
"""

from numpy.typing import ArrayLike

from auffusion.evaluate.rows import Rows, Values, as_rows, check_pairs, unit_rows

_TEXTS, _SOUNDS = "the texts' embeddings", "the sounds' embeddings"


def validate(texts: ArrayLike, sounds: ArrayLike) -> tuple[Rows, Rows]:
    """Both sides' embeddings, of length one.

    Raises:
        InputError: no pairs, different numbers of rows or features, NaN, infinite values, or an
            embedding that is zero, which has no direction.
    """
    ours, theirs = (
        as_rows(texts, _TEXTS),
        as_rows(sounds, _SOUNDS),
    )
    check_pairs(ours, theirs)
    return unit_rows(ours, _TEXTS), unit_rows(theirs, _SOUNDS)


def clap_score(texts: ArrayLike, sounds: ArrayLike) -> Values:
    """Cosine of each caption and its sound.

    >>> clap_score([[1.0, 0.0], [3.0, 4.0]], [[2.0, 0.0], [4.0, 3.0]]).round(12).tolist()
    [1.0, 0.96]

    Args:
        texts: [pair, feature]
        sounds: [pair, feature]

    Raises:
        InputError: as for `validate`.
    """
    ours, theirs = validate(texts, sounds)
    return (ours * theirs).sum(axis=1)
