"""What turns waveforms into features."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol, runtime_checkable

from torch import Tensor

from auffusion.evaluate.hearing import Hearing
from auffusion.shapes import Waveform


@runtime_checkable
class FeatureExtractor(Protocol):
    """A network with its front-end and its weights.

    Made cheaply and sent to other processes; the network itself is loaded at the first call. Two
    extractors whose `identity` is equal give the same features, up to the last bits of a float.
    """

    @property
    def name(self) -> str:
        """Its key in the table, such as `cnn14-16k`."""
        ...

    @property
    def front_end(self) -> str:
        """Version and settings of what the code does; another text where numbers may differ."""
        ...

    @property
    def weights(self) -> str:
        """SHA-256 of the weight file."""
        ...

    @property
    def hearing(self) -> Hearing:
        """How a sound is prepared, its sample rate among it."""
        ...

    @property
    def dimensions(self) -> Mapping[str, int]:
        """The arrays it gives and the length of their rows."""
        ...

    def __call__(self, waveform: Waveform) -> Mapping[str, Tensor]:
        """float32 arrays by name, on the CPU: [batch, dimension], or [batch, part, dimension].

        Args:
            waveform: sounds of one length, as `hearing` prepares them.

        Raises:
            InputError: sounds too short to analyse, or weights that do not fit.
        """
        ...


def identity(extractor: FeatureExtractor) -> dict[str, object]:
    """All that decides the features of a sound; plain data."""
    return {
        "name": extractor.name,
        "front_end": extractor.front_end,
        "weights": extractor.weights,
        "hearing": asdict(extractor.hearing),
    }
