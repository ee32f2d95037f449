"""Maps of words as one picture: models, layers, steps or heads in rows, words in columns.

The paper's Figure 2. There every map is stretched over its own range; here the colours of a picture
can be compared, and mean what stands at the scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from auffusion.attention.heatmap import Heatmap
from auffusion.image import FixedLogRange
from auffusion.image.colour import PLASMA
from auffusion.image.squares import Row, Scale, Square, table_of_squares
from auffusion.mel import MelConfig

MapScale = Literal["relative", "share", "own"]
"""How a word's share of attention becomes a colour.

relative: how many times the word's own mean, on a logarithmic scale, the same for the whole
picture: what is bright is where the word is looked for more than elsewhere, however much
attention it has in all. share: from 0 to the largest share of the row. own: every map from its
least to its most, as the published code shows them; these colours cannot be compared.
"""


_NOTES: Mapping[MapScale, str] = {
    "relative": "Colours: times the word's mean share of attention, which stands beside it.",
    "share": "Colours: the word's share of a place's attention.",
    "own": "Colours: from each word's least share of attention to its largest; not comparable.",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MapRow:
    """A row of the picture."""

    label: str
    """What made these maps: a model, a layer, steps or a head."""
    maps: Mapping[str, Heatmap]
    """By word."""
    log_mel: Float[Tensor, "mel frame"] | None = None
    """The sound, drawn first; None for no sound, or the one of the row above."""
    mel: MelConfig = field(default_factory=MelConfig)
    """The front-end of the model."""


def attention_picture(
    rows: Sequence[MapRow], *, scale: MapScale = "relative", side: int = 256
) -> Image.Image:
    """All maps of all rows, each in a square of so many pixels."""
    reach = widest([one for row in rows for one in row.maps.values()])
    heard = any(row.log_mel is not None for row in rows)
    drawn = [_row(row, scale, reach, heard=heard) for row in rows]
    return table_of_squares(drawn, side=side, note=_NOTES[scale])


def _row(row: MapRow, scale: MapScale, reach: float, *, heard: bool) -> Row:
    largest = max(float(one.values.max()) for one in row.maps.values())
    squares: list[Square | None] = [
        Square(
            heading=_heading(word, one, scale),
            unit=unit_levels(one, scale, reach=reach, largest=largest),
            seconds=one.seconds,
            colours=PLASMA,
        )
        for word, one in row.maps.items()
    ]
    if heard:
        squares.insert(0, None if row.log_mel is None else _sound(row.log_mel, row.mel))
    return Row(
        label=row.label, squares=squares, scale=_scale(scale, reach, largest), config=row.mel
    )


def _heading(word: str, one: Heatmap, scale: MapScale) -> str:
    if scale == "relative":
        return f"{word} {float(one.values.mean()):.1%}"
    if scale == "own":
        return f"{word} {float(one.values.min()):.1%} to {float(one.values.max()):.1%}"
    return word


def _sound(log_mel: Float[Tensor, "mel frame"], mel: MelConfig) -> Square:
    seconds = mel.duration_s(log_mel.shape[-1])
    return Square(heading="sound", unit=sound_levels(log_mel), seconds=seconds)


def sound_levels(log_mel: Float[Tensor, "mel frame"]) -> Float[Tensor, "mel frame"]:
    """A spectrogram as it is coloured: from silence to the loudest, the highest band in row 0."""
    return FixedLogRange().to_unit(log_mel.float()[None])[0].flip(0)


def widest(maps: Sequence[Heatmap]) -> float:
    """How many octaves from a word's mean the scale must reach, at least a tenth.

    One place of a hundred may lie beyond it and has the colour of its end: a map of a single layer
    or head has places that are hardly attended to at all.
    """
    apart = torch.cat([_octaves(one).abs().flatten() for one in maps])
    return max(0.1, float(np.quantile(apart.numpy(), 0.99)))


def unit_levels(
    one: Heatmap, scale: MapScale, *, reach: float, largest: float
) -> Float[Tensor, "row column"]:
    """A map in [0, 1], as it is coloured.

    Args:
        one: the map.
        scale: how.
        reach: octaves from the mean at which "relative" ends (`widest`).
        largest: the share at which "share" ends.
    """
    if scale == "relative":
        return ((_octaves(one) / reach + 1) / 2).clamp(0.0, 1.0)
    if scale == "share":
        return one.values / largest
    least, most = one.values.amin(), one.values.amax()
    return (one.values - least) / (most - least).clamp_min(torch.finfo(torch.float32).tiny)


def _octaves(one: Heatmap) -> Float[Tensor, "row column"]:
    # A word that is never attended to is at its mean everywhere, and a place without any
    # attention at the lower end.
    mean = one.values.mean().clamp_min(torch.finfo(torch.float32).tiny)
    return (one.values / mean).clamp_min(2.0**-8).log2().where(one.values.amax() > 0, 0.0)


def _scale(scale: MapScale, reach: float, largest: float) -> Scale:
    if scale == "relative":
        ticks = [
            (0.0, f"{2**-reach:.2f}"),
            (0.25, f"{2 ** (-reach / 2):.2f}"),
            (0.5, "1"),
            (0.75, f"{2 ** (reach / 2):.2f}"),
            (1.0, f"{2**reach:.2f}"),
        ]
        return Scale(ticks=ticks, colours=PLASMA, caption="x mean")
    if scale == "share":
        ticks = [(share / 4, f"{largest * share / 4:.1%}") for share in range(5)]
        return Scale(ticks=ticks, colours=PLASMA, caption="share")
    return Scale(ticks=[(0.0, "least"), (1.0, "most")], colours=PLASMA, caption="own")
