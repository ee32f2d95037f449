"""What a vocoder is: anything that turns a log-mel into sound."""

from typing import Protocol, runtime_checkable

from auffusion.shapes import LogMel, Waveform


@runtime_checkable
class Vocoder(Protocol):
    """Log-mel to waveform; the front-end's hop times the number of frames come out."""

    def __call__(self, log_mel: LogMel) -> Waveform:
        """Sound of each item."""
        ...
