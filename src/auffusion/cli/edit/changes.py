"""Where two spectrograms of the same length differ, as marks on a picture."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from auffusion.image import Mark
from auffusion.mel import DB_A_NEPER, MelConfig

_CHANGED_DB = 1.0
"""Mean difference of a moment's bands from which it counts as changed."""
_GAP_S = 0.5
"""What is shorter between two changes belongs to them."""


def changed_marks(
    before: Float[Tensor, "mel frame"], after: Float[Tensor, "mel frame"], mel: MelConfig
) -> list[Mark]:
    """The times in which the second differs from the first.

    Args:
        before: log-mel.
        after: log-mel.
        mel: of both.
    """
    apart = (after.float() - before.float()).abs().mean(dim=0) * DB_A_NEPER
    differs = [bool(different) for different in apart > _CHANGED_DB]
    changed = [frame for frame, different in enumerate(differs) if different]
    frame_s = mel.hop_length / mel.sample_rate
    breaks = [i for i, (a, b) in enumerate(pairwise(changed)) if (b - a) * frame_s > _GAP_S]
    firsts = [changed[0], *(changed[i + 1] for i in breaks)] if changed else []
    lasts = [*(changed[i] for i in breaks), changed[-1]] if changed else []
    return [
        Mark(start_s=first * frame_s, end_s=(last + 1) * frame_s)
        for first, last in zip(firsts, lasts, strict=True)
    ]
