"""The worker that opens sounds: what is wrong with each alone, and what it is compared by."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from auffusion.audio.decoder import Stretch, TruncatedError
from auffusion.audio.isolated import Decoded, DecoderDiedError, IsolatedDecoder
from auffusion.data.clips import SAMPLE_RATE
from auffusion.data.cutting import to_16_bits
from auffusion.data.doctor.checks import Checks
from auffusion.data.doctor.clipping import clipped_share
from auffusion.data.doctor.faults import Fault
from auffusion.data.doctor.fingerprint import Fingerprint, fingerprint
from auffusion.errors import InputError
from auffusion.executor.contract import Outcome, Status, Unit

_CHUNK = 1 << 20
_SILENCE_DB = -120.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """The sound of one row."""

    number: int
    """The row's."""
    path: str
    """The file as the row names it."""
    file: Path
    """The file as it is to be opened."""
    offset: int | None
    """First byte of the sound in the file; None where the file is the sound."""
    size: int | None
    """Bytes of the sound in the file."""
    seconds: float | None
    """Its declared length."""
    sha256: str
    """Declared hash of its samples, or empty."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a sound is."""

    content: bytes
    """SHA-256 of its samples as 16-bit integers at 16 kHz."""
    seconds: float
    """Its length."""
    peak_db: float
    """Its peak, of full scale."""
    rms_db: float
    """Its mean level."""
    print: Fingerprint | None
    """None where it is silent or too short."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What was found of one row's sound."""

    number: int
    """The row's."""
    faults: tuple[tuple[Fault, str], ...]
    """What is wrong with it, each with a sentence."""
    measure: Measure | None
    """None where it could not be opened."""


@dataclass(frozen=True, kw_only=True)
class MakeExaminer:
    """Makes workers; sent to every process."""

    checks: Checks
    """From where on a fault is one, and what a file may cost."""

    def __call__(self) -> "Examiner":
        """A worker with a decoder of its own."""
        checks = self.checks
        return Examiner(checks, IsolatedDecoder(seconds=checks.seconds, memory_mb=checks.memory_mb))


class Examiner:
    """Examines blocks of rows; a unit's payload is a tuple of jobs."""

    def __init__(self, checks: Checks, decoder: IsolatedDecoder) -> None:
        self._checks = checks
        self._decoder = decoder

    def __call__(self, unit: Unit) -> Outcome:
        """Examine the sounds of a block."""
        examined = tuple(self.examine(job) for job in unit.payload)
        return Outcome(id=unit.id, status=Status.DONE, facts={"examined": examined})

    def examine(self, job: Job) -> Examined:
        """Open one sound."""
        if not job.file.is_file():
            faults = ((Fault.MISSING, f"{job.path} is not there"),)
            return Examined(number=job.number, faults=faults, measure=None)
        try:
            with _sound_file(job) as file:
                faults, measure = self._measured(job, file)
        except InputError as error:
            told = str(error).replace(str(job.file), job.path)
            return Examined(number=job.number, faults=((_kind(error), told),), measure=None)
        return Examined(number=job.number, faults=tuple(faults), measure=measure)

    def _measured(self, job: Job, file: Path) -> tuple[list[tuple[Fault, str]], Measure]:
        try:
            decoded = self._read(file, SAMPLE_RATE)
            samples = decoded.samples
            clipped = self._clipped(file, decoded)
        except InputError as error:
            raise type(error)(str(error).replace(str(file), job.path)) from error
        content = to_16_bits(samples).astype("<i2").tobytes()
        seconds = self._seconds(decoded)
        silent = _swing(samples) < self._checks.quietest_peak
        faults: list[tuple[Fault, str]] = []
        if silent:
            faults.append((Fault.SILENT, f"its peak is {float(np.abs(samples).max()):.2g}"))
        if clipped >= self._checks.clipped_share:
            faults.append((Fault.CLIPPED, f"{clipped:.2%} of its samples are in cut-off tops"))
        faults.extend(self._length_faults(job, seconds))
        if job.sha256 and seconds <= self._checks.longest_s:
            faults.extend(_content_faults(job, file, content))
        measure = Measure(
            content=hashlib.sha256(content).digest(),
            seconds=seconds,
            peak_db=_decibels(float(np.abs(samples).max())),
            rms_db=_decibels(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))),
            print=None if silent else fingerprint(samples),
        )
        return faults, measure

    def _read(self, file: Path, rate: int) -> Decoded:
        # A stretch bounds what is read of hours; of shorter files it is the whole.
        part = Stretch(seconds=self._checks.longest_s)
        return self._decoder.read(file, sample_rate=rate, stretch=part)

    def _clipped(self, file: Path, decoded: Decoded) -> float:
        samples = decoded.samples
        if decoded.source_rate != SAMPLE_RATE:
            samples = self._read(file, decoded.source_rate).samples
        return clipped_share(samples)

    def _seconds(self, decoded: Decoded) -> float:
        """The real length: an MP3 file may only guess its own."""
        read = len(decoded.samples) / SAMPLE_RATE
        return read if read < self._checks.longest_s else decoded.source_seconds

    def _length_faults(self, job: Job, seconds: float) -> Iterator[tuple[Fault, str]]:
        if job.seconds is None:
            return
        wrong = abs(job.seconds - seconds)
        if wrong > self._checks.length_s and wrong > self._checks.length_share * seconds:
            yield Fault.LENGTH, f"it lasts {seconds:.3f} s, the row says {job.seconds:g} s"


@contextmanager
def _sound_file(job: Job) -> Generator[Path]:
    """The sound as a file of its own: the decoder's process opens names."""
    if job.offset is None or job.size is None:
        yield job.file
        return
    with NamedTemporaryFile(suffix=".sound") as copy:
        _copy_member(job, job.offset, job.size, copy)
        yield Path(copy.name)


def _copy_member(job: Job, offset: int, size: int, copy: IO[bytes]) -> None:
    try:
        with job.file.open("rb") as shard:
            shard.seek(offset)
            left = size
            while left and (chunk := shard.read(min(left, _CHUNK))):
                copy.write(chunk)
                left -= len(chunk)
    except OSError as error:
        raise InputError(f"cannot read {job.path}: {error.strerror or error}") from error
    copy.flush()
    if left:
        raise TruncatedError(
            f"{job.path} was cut short: it ends {left} bytes before the sound at byte {offset} does"
        )


def _kind(error: InputError) -> Fault:
    if isinstance(error, DecoderDiedError):
        return Fault.KILLED
    return Fault.TRUNCATED if isinstance(error, TruncatedError) else Fault.CORRUPT


def _content_faults(job: Job, file: Path, content: bytes) -> Iterator[tuple[Fault, str]]:
    """Other samples than the hash was taken of; lists of files hash the file instead."""
    if hashlib.sha256(content).hexdigest() == job.sha256:
        return
    with file.open("rb") as sound:
        if hashlib.file_digest(sound, "sha256").hexdigest() == job.sha256:
            return
    found = hashlib.sha256(content).hexdigest()
    yield Fault.CHANGED, f"its samples hash to {found[:12]}…, the row says {job.sha256[:12]}…"


def _swing(samples: NDArray[np.float32]) -> float:
    """Half of the way from the lowest to the highest sample: nobody hears a constant."""
    return float(samples.max() - samples.min()) / 2


def _decibels(level: float) -> float:
    return max(_SILENCE_DB, 20 * float(np.log10(max(level, 1e-9))))
