"""A network of short sounds on long ones: one piece of features a window.

PaSST hears ten seconds, and three suites cut longer sounds into them in three ways: av-benchmark
hears the first eight or ten seconds, stable-audio-metrics (`src/passt_kld.py` at fd55536)
overlapping windows, audiocraft (`metrics/kld.py` at 896ec7c) windows one behind the other, the
last as short as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from auffusion.audio import fit_length
from auffusion.errors import InputError
from auffusion.evaluate.extractor import FeatureExtractor
from auffusion.evaluate.hearing import Hearing
from auffusion.shapes import Waveform

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How a sound is cut."""

    length: int
    """Samples of a window."""
    hop: int
    """Samples from one window to the next."""
    overlapping: bool = False
    """Whether the last window is the last that has more than a hop of sound, as in
    stable-audio-metrics; else windows go on to the end."""
    shortest: int = 1
    """A window that the end of the sound cuts shorter than this is dropped."""
    filled: bool = False
    """Whether silence follows a window that the end cut short."""

    def cut(self, waveform: Waveform) -> Iterator[Float[Tensor, "batch window"]]:
        """The windows of each sound, in order.

        >>> windows = Windows(length=4, hop=2, overlapping=True, filled=True)
        >>> [one.tolist()[0] for one in windows.cut(torch.arange(7.0)[None])]
        [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0], [4.0, 5.0, 6.0, 0.0]]

        Args:
            waveform: sounds of one length.

        Raises:
            InputError: nothing is left of a sound.
        """
        samples = waveform.shape[-1]
        last = max(self.hop, samples - self.hop) if self.overlapping else samples
        windows = [waveform[:, start : start + self.length] for start in range(0, last, self.hop)]
        heard = [one for one in windows if one.shape[-1] >= self.shortest]
        if not heard:
            raise InputError(
                f"a sound of {samples} samples is too short: at least {self.shortest} are heard"
            )
        yield from (fit_length(one, self.length) if self.filled else one for one in heard)


class WindowedExtractor:
    """The arrays of another extractor, [batch, window, dimension].

    Args:
        name: in the table.
        inner: what hears the windows.
        hearing: how a whole sound is prepared.
        windows: how it is cut then.
        gain: what the samples are multiplied by.
    """

    def __init__(
        self,
        name: str,
        inner: FeatureExtractor,
        hearing: Hearing,
        windows: Windows,
        *,
        gain: float = 1.0,
    ) -> None:
        self.name, self.weights = name, inner.weights
        self.front_end = f"windowed/{_VERSION} {windows} x{gain!r} of {inner.front_end}"
        self.hearing = replace(hearing, sample_rate=inner.hearing.sample_rate)
        self.dimensions: Mapping[str, int] = inner.dimensions
        self._inner, self._windows, self._gain = inner, windows, gain

    def __call__(self, waveform: Waveform) -> dict[str, Tensor]:
        """See `FeatureExtractor`."""
        found = [self._inner(window) for window in self._windows.cut(self._gain * waveform)]
        return {name: torch.cat([_pieces(one[name]) for one in found], dim=1) for name in found[0]}


def _pieces(array: Tensor) -> Float[Tensor, "batch piece dimension"]:
    return array[:, None] if array.ndim == 2 else array
