"""Work on something wide through overlapping windows, without a seam.

Each window's result fades in and out over its overlap, and the weights of all windows that cover a
column sum to one: what the windows agree on passes unchanged, where they differ they are blended.
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.errors import InputError


def window_starts(width: int, window: int, overlap: int) -> list[int]:
    """First columns of the fewest windows that cover `width` with at least `overlap` in common.

    They are spread evenly, so that no overlap is much wider than another.

    >>> window_starts(width=300, window=128, overlap=32)
    [0, 86, 172]

    Raises:
        InputError: the overlap is negative or not smaller than the window.
    """
    if not 0 <= overlap < window:
        raise InputError(
            f"an overlap of {overlap} columns does not fit windows of {window} columns: it must be "
            "at least 0 and smaller than the window"
        )
    if width <= window:
        return [0]
    gaps = math.ceil((width - window) / (window - overlap))
    return [round(index * (width - window) / gaps) for index in range(gaps + 1)]


def window_weights(
    starts: Sequence[int], window: int, overlap: int
) -> Float[Tensor, "window column"]:
    """The weight of every window (a row) at every column of the whole; each column sums to one.

    >>> window_weights([0, 2], window=4, overlap=2).sum(dim=0).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    taper = _taper(window, max(overlap, 1))
    weights = torch.zeros(len(starts), starts[-1] + window, dtype=torch.float64)
    for row, start in zip(weights, starts, strict=True):
        row[start : start + window] = taper
    return (weights / weights.sum(dim=0)).float()


def _taper(window: int, overlap: int) -> Float[Tensor, "column"]:
    # sin² rising over one window's end and falling over the next one's beginning sum to one.
    # Half a step in from the edge no weight is zero, so that every column is covered.
    inwards = torch.arange(window, dtype=torch.float64) + 0.5
    from_edge = torch.minimum(inwards, inwards.flip(0)).clamp_max(overlap)
    return torch.sin(0.5 * math.pi * from_edge / overlap).square()


def average_windows(
    apply: Callable[[Tensor], Tensor], whole: Tensor, *, window: int, overlap: int, scale: int = 1
) -> Tensor:
    """`apply` on overlapping windows along the last axis, blended into one result.

    Args:
        apply: maps a window to a result whose last axis is `scale` times as long.
        whole: what is cut into windows; not wider than `window`, it goes to `apply` as it is and
            the result is untouched.
        window: columns of a window.
        overlap: columns that neighbours share at least.
        scale: columns of the result for one column of `whole`.
    """
    starts = window_starts(whole.shape[-1], window, overlap)
    if len(starts) == 1:
        return apply(whole)
    scaled = [start * scale for start in starts]
    weights = window_weights(scaled, window * scale, overlap * scale)
    parts = [apply(whole[..., start : start + window]) for start in starts]
    blended = parts[0].new_zeros(*parts[0].shape[:-1], weights.shape[-1])
    for first, part, weight in zip(scaled, parts, weights.to(blended), strict=True):
        columns = slice(first, first + window * scale)
        blended[..., columns] += part * weight[columns]
    return blended
