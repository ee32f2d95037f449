"""A part of an open sound file, decoded block by block and checked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from auffusion.errors import InputError

_BLOCK_FRAMES = 65_536
_LOUDEST = 2.0**31  # some programs store integers as floats; beyond this it is no sound


class TruncatedError(InputError):
    """A file that ends before its header says; what it holds may be sound."""


class Part:
    """The frames of a file that are wanted, decoded block by block.

    Args:
        path: the file, for what is said of it.
        sound: the same, open.
        span: the frames.
        exact: whether the header's number of frames is one, and not an estimate.
        dtype: "float32", or "float64" for samples of more than 24 bits.
    """

    def __init__(
        self,
        path: Path,
        sound: sf.SoundFile,
        span: range,
        *,
        exact: bool,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        self._path, self._sound, self._span = path, sound, span
        self._dtype: Literal["float32", "float64"] = dtype
        self._whole = len(span) == sound.frames
        self._exact = exact
        self.frames = 0
        """Frames decoded so far."""

    def mono_blocks(self, most_frames: int) -> Iterator[NDArray[np.float32]]:
        """The mean of the channels, each block checked."""
        # In float64 the sum of 32 large channels stays finite.
        for mono in self._checked(most_frames, lambda block: block.mean(1, dtype=np.float64)):
            yield mono.astype(np.float32)

    def blocks(self, most_frames: int) -> Iterator[NDArray[np.floating]]:
        """All channels, [time channel], each block checked."""
        yield from self._checked(most_frames, lambda block: block)

    def _checked(
        self, most_frames: int, reduced: Callable[[np.ndarray], np.ndarray]
    ) -> Iterator[np.ndarray]:
        rate = self._sound.samplerate
        if self._span.start:
            self._seek()
        while len(read := self._next_block()):
            block = reduced(read)
            sound = (np.abs(block) < _LOUDEST).reshape(len(block), -1).all(axis=1)
            if not sound.all():
                bad = self._span.start + self.frames + int(np.argmin(sound))
                raise InputError(
                    f"{self._path} holds NaN, infinite or absurd samples at {bad / rate:.3f} s"
                )
            self.frames += len(block)
            if self._whole and self.frames > most_frames:
                raise too_long(self._path, self.frames / rate, most_frames / rate)
            yield block
        self._check_end()

    def _check_end(self) -> None:
        if self.frames != len(self._span) and (self._exact or not self.frames):
            raise TruncatedError(
                f"{self._path} was cut short: it declares {self._sound.frames} samples and holds "
                f"{self._span.start + self.frames}; save it again"
            )

    def _seek(self) -> None:
        try:
            self._sound.seek(self._span.start)
        except sf.LibsndfileError as error:
            raise _damaged(self._path) from error

    def _next_block(self) -> np.ndarray:
        # Of a whole file one block more is asked for: it may hold more than its header says.
        most = _BLOCK_FRAMES if self._whole else len(self._span) - self.frames
        try:
            return self._sound.read(min(most, _BLOCK_FRAMES), dtype=self._dtype, always_2d=True)
        except sf.LibsndfileError as error:
            raise _damaged(self._path) from error


def too_long(path: Path, seconds: float, max_seconds: float) -> InputError:
    """What is said of a file that lasts longer than it may."""
    return InputError(f"{path} lasts {seconds:.1f} s or more, expected at most {max_seconds:g} s")


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged or was cut short; save it again")
