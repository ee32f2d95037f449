"""The Fréchet distance as audioldm_eval computes it, with a matrix root: for comparison only.

Whoever wants a published number of that suite to its last digits asks for this by name; every
protocol of ours takes `auffusion.evaluate.frechet` instead. What differs: the means are float32,
and tr √(Σ₁Σ₂) comes from `scipy.linalg.sqrtm`, which is slow and wrong in some versions.
Source: https://github.com/haoheliu/audioldm_eval, `metrics/fid.py` at 8dc07ee.
"""

import numpy as np
from numpy.typing import ArrayLike

from auffusion.errors import InputError
from auffusion.evaluate.frechet import Square, validate

_RIDGE = 1e-6
_MOST_IMAGINARY = 1e-3


def sqrtm_frechet_distance(reference: ArrayLike, generated: ArrayLike) -> float:
    """Fréchet distance by a matrix root, float32 means included.

    Args:
        reference: [row, feature]
        generated: [row, feature]

    Raises:
        InputError: as for `frechet_distance`; also where the root is not finite or not real, as
            the original stops there too, and where scipy is not installed.
    """
    ours, theirs = validate(reference, generated)
    means = [rows.astype(np.float32).mean(axis=0) for rows in (ours, theirs)]
    shift = float(np.square(means[0] - means[1]).sum(dtype=np.float64))
    first, second = np.atleast_2d(np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False))
    root = _root_of_product(first, second)
    return float(shift + np.trace(first) + np.trace(second) - 2.0 * np.trace(root))


def _root_of_product(first: Square, second: Square) -> Square:
    try:
        from scipy.linalg import sqrtm  # pyright: ignore[reportUnknownVariableType]
    except ImportError as error:
        raise InputError(
            "the original's matrix root needs scipy: pip install 'auffusion[evaluate]'"
        ) from error
    root = np.asarray(sqrtm(first @ second))
    if not np.isfinite(root).all():
        ridge = _RIDGE * np.eye(len(first))
        root = np.asarray(sqrtm((first + ridge) @ (second + ridge)))
    if not np.isfinite(root).all():
        raise InputError("sqrtm found no root of these covariances: use the exact distance")
    imaginary = float(np.abs(np.diagonal(np.imag(root))).max())
    if imaginary > _MOST_IMAGINARY:
        raise InputError(
            f"sqrtm found a root with imaginary parts of {imaginary:g}: use the exact distance"
        )
    return np.asarray(np.real(root), np.float64)
