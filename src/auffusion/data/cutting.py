"""From a sound file to a clip: mono at 16 kHz, trimmed, cut, levelled, 16 bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auffusion.audio.decoder import Stretch
from auffusion.audio.isolated import DecoderDiedError, IsolatedDecoder
from auffusion.data.clips import SAMPLE_RATE
from auffusion.data.listing import Listed, Reason, Rules
from auffusion.errors import InputError

_MARGIN = SAMPLE_RATE // 20
_LOUD = 1e-3


class Refused(Exception):  # noqa: N818 - no error: a clip that the rules leave out
    """A clip that is left out."""

    def __init__(self, reason: Reason, detail: str, seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A clip's sound."""

    samples: NDArray[np.int16]
    """At 16 kHz."""
    source_rate: int
    """The file's samples a second."""
    source_seconds: float
    """The file's length."""


def cut_clip(listed: Listed, rules: Rules, decoder: IsolatedDecoder) -> Cut:
    """Decode a listed clip and bring it into form.

    Raises:
        Refused: the file cannot be decoded, or the rules leave the clip out.
    """
    wanted = min(rules.first_s, listed.seconds or rules.first_s)
    stretch = None if rules.trim else Stretch(start_s=listed.start_s, seconds=wanted)
    if not listed.file.is_file():
        raise Refused(Reason.MISSING, f"{listed.source} is not there")
    try:
        decoded = decoder.read(listed.file, sample_rate=SAMPLE_RATE, stretch=stretch)
    except DecoderDiedError as error:
        raise Refused(Reason.KILLED, _named(error, listed)) from error
    except InputError as error:
        raise Refused(Reason.DAMAGED, _named(error, listed)) from error
    samples = decoded.samples
    if rules.trim:
        first = round(listed.start_s * SAMPLE_RATE)
        samples = trimmed(samples)[first : first + round(wanted * SAMPLE_RATE)]
    _check(samples, listed, rules, decoded.source_seconds)
    return Cut(
        samples=to_16_bits(samples, rules.loudest_peak),
        source_rate=decoded.source_rate,
        source_seconds=decoded.source_seconds,
    )


def trimmed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without what is under -60 dB of the peak at both ends, but for 50 ms.

    >>> sound = np.zeros(48_000, np.float32); sound[20_000:21_000] = 0.5
    >>> len(trimmed(sound))
    2600
    """
    level = np.abs(samples)
    loud = np.flatnonzero(level > _LOUD * level.max(initial=0.0))
    if not len(loud):
        return samples[:0]
    return samples[max(0, loud[0] - _MARGIN) : loud[-1] + 1 + _MARGIN]


def to_16_bits(samples: NDArray[np.float32], loudest: float = 1.0) -> NDArray[np.int16]:
    """16-bit samples, rounded; what peaks above `loudest` is brought down to it, not clipped.

    >>> to_16_bits(np.array([0.5, -1.0, 1.0], np.float32)).tolist()
    [16384, -32768, 32767]
    """
    peak = float(np.abs(samples).max(initial=0.0))
    level = samples / max(1.0, peak / loudest)
    # By 32768, so that 16-bit sound at this rate comes out as it went in.
    return np.clip(np.round(32768.0 * level), -32768, 32767).astype(np.int16)


def _check(samples: NDArray[np.float32], listed: Listed, rules: Rules, whole_s: float) -> None:
    seconds = len(samples) / SAMPLE_RATE
    if seconds < rules.shortest_s:
        detail = f"{listed.source} gives {seconds:.3f} s, under {rules.shortest_s:g} s"
        raise Refused(Reason.SHORT, detail, whole_s)
    peak = float(np.abs(samples).max())
    if peak < rules.quietest_peak:
        detail = f"{listed.source} is silent: its peak is {peak:.2g}"
        raise Refused(Reason.SILENT, detail, whole_s)


def _named(error: InputError, listed: Listed) -> str:
    # A reject says the same on every machine: the path as the data set has it.
    return str(error).replace(str(listed.file), listed.source)
