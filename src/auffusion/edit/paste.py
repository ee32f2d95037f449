"""The kept part of an edited sound is the recording itself: generated regions pasted into it.

The published notebooks send all of a sound through VAE and vocoder, the kept part too. Here only
the regions change. They are cut into bands that do not overlap, by filters that sum to one; in
each band, over each stretch of time, the recording is faded out and the generated sound in.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from auffusion.edit.region import Region

Channels = Float[Tensor, "channel time"]

EDGE_HZ = 60.0
"""Width of a filter's edge: half below the frequency that was named, half above."""
_MARGIN_S = 0.25  # on both sides of a stretch, so that a filter hears what lies around it


def paste_back(
    original: Channels,
    generated: Channels,
    regions: Sequence[Region],
    *,
    rate: int,
    fade_s: float,
) -> Channels:
    """The recording with its regions from another sound.

    Outside the seconds of all regions every sample is the original's, to the bit; so are, but for
    rounding, the frequencies outside a region by more than `EDGE_HZ` / 2. The cross-fades keep the
    power of sounds that are not alike, lie within the regions, and are left out at the ends of the
    sound, where nothing is faded from.

    Args:
        original: the recording.
        generated: what is put into it, of the same shape.
        regions: where.
        rate: of both, in Hz.
        fade_s: seconds of a fade; in a shorter region half of that region.
    """
    result = original.to(torch.float64, copy=True)
    for band, spans in _bands(regions, rate):
        for start_s, end_s in spans:
            first, end = round(start_s * rate), min(round(end_s * rate), original.shape[-1])
            if first >= end:
                continue
            keep, take = _fades(first, end, original.shape[-1], round(fade_s * rate))
            before = _part(original, first, end, band, rate)
            after = _part(generated, first, end, band, rate)
            result[:, first:end] += before * (keep - 1.0) + after * take
    return result.to(original.dtype)


class _Band(NamedTuple):
    low_hz: float
    high_hz: float


_Span = tuple[float, float]


def _bands(regions: Sequence[Region], rate: int) -> Iterator[tuple[_Band, list[_Span]]]:
    """Bands that do not overlap, each with the seconds in which it is covered."""
    top = rate / 2
    edges = {0.0, top, *(edge for r in regions for edge in (r.low_hz, r.high_hz) if edge < top)}
    for low, high in itertools.pairwise(sorted(edges)):
        covering = [r for r in regions if r.low_hz <= low and min(r.high_hz, top) >= high]
        if covering:
            yield _Band(low, high), _union([(r.start_s, r.end_s) for r in covering])


def _union(spans: Sequence[_Span]) -> list[_Span]:
    """Spans in order, those that touch as one."""
    united: list[_Span] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united


def _fades(first: int, end: int, samples: int, fade: int) -> tuple[Tensor, Tensor]:
    """How much of the original and how much of the generated sound there is, in between."""
    fade = min(fade, (end - first) // 2)
    angle = torch.full((end - first,), math.pi / 2, dtype=torch.float64)
    if fade > 0:
        # The squares of both sum to one.
        ramp = (torch.arange(fade, dtype=torch.float64) + 0.5) / fade * math.pi / 2
        if first > 0:
            angle[:fade] = ramp
        if end < samples:
            angle[-fade:] = ramp.flip(0)
    # Not what the cosine of a rounded right angle is.
    keep = torch.where(angle == math.pi / 2, 0.0, torch.cos(angle))
    return keep, torch.sin(angle)


def _part(
    sound: Channels, first: int, end: int, band: _Band, rate: int
) -> Float[Tensor, "channel part"]:
    """The samples of a band from the first to the end; the sound is mirrored at its own ends."""
    if band == (0.0, rate / 2):
        return sound[:, first:end].double()
    margin = round(_MARGIN_S * rate)
    before, behind = max(0, first - margin), min(sound.shape[-1], end + margin)
    piece = sound[:, before:behind].double()
    # A mirror has no step, which would ring through all bands.
    missing = margin - (first - before), margin - (behind - end)
    mirrored = F.pad(piece, [min(side, piece.shape[-1] - 1) for side in missing], mode="reflect")
    length = mirrored.shape[-1]
    hertz = torch.arange(length // 2 + 1, dtype=torch.float64) * rate / length
    gain = _above(hertz, band.low_hz) - (
        _above(hertz, band.high_hz) if band.high_hz < rate / 2 else 0.0
    )
    spectrum = cast("Tensor", torch.fft.rfft(mirrored)) * gain
    filtered = cast("Tensor", torch.fft.irfft(spectrum, n=length))
    start = first - before + min(missing[0], piece.shape[-1] - 1)
    return filtered[:, start : start + end - first]


def _above(hertz: Tensor, edge_hz: float) -> Tensor:
    """0 below an edge and 1 above it, in half a turn of a cosine."""
    if edge_hz == 0.0:
        return torch.ones_like(hertz)
    across = ((hertz - edge_hz) / EDGE_HZ + 0.5).clamp(0.0, 1.0)
    return 0.5 - 0.5 * torch.cos(math.pi * across)
