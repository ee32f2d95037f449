"""A sound file of any common kind to mono samples, or one sentence that says why not.

Without torch: a decoder in a process of its own starts in a quarter of a second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from auffusion.audio.part import Part, too_long
from auffusion.audio.part import TruncatedError as TruncatedError
from auffusion.audio.rates import check_rate, resampled_length
from auffusion.audio.riff import chunks
from auffusion.errors import InputError

MOST_CHANNELS = 32
_MOST_SAMPLES = 1 << 27  # ten minutes in stereo at 96 kHz, half a gigabyte
_FIRST_FRAME = 4096  # bytes; one of 320 kbit/s at 32 kHz has 1440

# libsndfile's rarer decoders have a long record of memory errors: they are never reached.
_ENCODINGS = {
    "WAV": {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"},
    "FLAC": {"PCM_S8", "PCM_16", "PCM_24"},
    "OGG": {"VORBIS", "OPUS"},
    "MP3": {"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"},
}

# What data sets hold besides: GTZAN, UrbanSound8K, drum kits.
_WITH_OLD = {
    "WAV": _ENCODINGS["WAV"] | {"MS_ADPCM", "IMA_ADPCM"},
    "AU": {"PCM_16", "PCM_S8", "ULAW"},
    "AIFF": {"PCM_S8", "PCM_16", "PCM_24"},
}


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What a sound file says about itself."""

    container: str
    """`WAV`, `FLAC`, `OGG` or `MP3` (`AU` and `AIFF` where old formats are asked for)."""
    encoding: str
    """As soundfile calls it: `PCM_16`, `VORBIS`, …"""
    sample_rate: int
    """Samples a second."""
    channels: int
    """1 to 32."""
    frames: int
    """Samples of each channel."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a file."""

    start_s: float = 0.0
    """Where it begins."""
    seconds: float | None = None
    """How long it is; None is to the end of the file."""


def inspect_audio(path: str | Path) -> AudioInfo:
    """What the header says, checked; the samples are not read.

    Raises:
        InputError: a missing or empty file, a folder, not WAV, FLAC, OGG or MP3, no samples, a
            rate outside 1-384 kHz, more than 32 channels, or a file that was cut short.
    """
    with _opened(Path(path)) as sound:
        return _checked_info(Path(path), sound)


def read_mono(
    path: str | Path,
    *,
    sample_rate: int = 16_000,
    max_seconds: float = 600.0,
    stretch: Stretch | None = None,
    old_formats: bool = False,
) -> tuple[NDArray[np.float32], AudioInfo]:
    """The mean of a file's channels at another rate, float32 of about [-1, 1], and its header.

    Args:
        path: a WAV, FLAC, OGG (Vorbis or Opus) or MP3 file.
        sample_rate: of the result, in Hz.
        max_seconds: longer files are refused, by their header and again while they are read: a
            small file can claim or hold hours. With a stretch, what is read is bounded by it.
        stretch: the part to read, however long the file is.
        old_formats: also AU, AIFF, and ADPCM in WAV, as some data sets hold: only where the
            decoder has a process of its own to crash in.

    Raises:
        InputError: as for `inspect_audio`; also NaN or infinite samples, a file that is too long,
            one that ends before its header says, or a stretch that begins behind its end.
    """
    path = Path(path)
    check_rate(sample_rate, "the wanted waveform")
    with _opened(path, old_formats=old_formats) as sound:
        info = _checked_info(path, sound, old_formats=old_formats)
        if stretch is None and info.duration_s > max_seconds:
            raise too_long(path, info.duration_s, max_seconds)
        span = _span(path, info, stretch)
        part = Part(path, sound, span, exact=_tells_length(path, info))
        blocks = part.mono_blocks(int(max_seconds * info.sample_rate))
        samples = np.concatenate(list(_resampled(blocks, info.sample_rate, sample_rate)))
    length = resampled_length(part.frames, info.sample_rate, sample_rate)
    # The filter may end a sample short of what the lengths' ratio says.
    return np.pad(samples[:length], (0, max(0, length - len(samples)))), info


def read_all_channels(
    path: str | Path, *, max_seconds: float = 600.0
) -> tuple[NDArray[np.floating], AudioInfo]:
    """Every sample of a file as it is, [time channel] at its own rate, and its header.

    The numbers are exact: float32 holds 24-bit samples, and what has more bits comes as float64.

    Args:
        path: a WAV, FLAC, OGG (Vorbis or Opus) or MP3 file.
        max_seconds: longer files are refused.

    Raises:
        InputError: as for `read_mono`, or more samples than the memory should hold.
    """
    path = Path(path)
    with _opened(path) as sound:
        info = _checked_info(path, sound)
        if info.duration_s > max_seconds:
            raise too_long(path, info.duration_s, max_seconds)
        if info.frames * info.channels > _MOST_SAMPLES:
            raise InputError(
                f"{path} holds {info.frames * info.channels} samples, expected at most "
                f"{_MOST_SAMPLES}: cut it, or save it with fewer channels or at a lower rate"
            )
        wide = info.encoding in {"PCM_32", "DOUBLE"}
        part = Part(
            path,
            sound,
            range(info.frames),
            exact=_tells_length(path, info),
            dtype="float64" if wide else "float32",
        )
        blocks = list(part.blocks(int(max_seconds * info.sample_rate)))
    return np.concatenate(blocks), info


def _span(path: Path, info: AudioInfo, stretch: Stretch | None) -> range:
    """The frames that are wanted."""
    if stretch is None:
        return range(info.frames)
    first = round(stretch.start_s * info.sample_rate)
    if not 0 <= first < info.frames:
        raise InputError(
            f"{path} lasts {info.duration_s:.2f} s, but a clip is said to begin at "
            f"{stretch.start_s:g} s"
        )
    if stretch.seconds is None:
        return range(first, info.frames)
    return range(first, min(info.frames, first + max(1, round(stretch.seconds * info.sample_rate))))


def _opened(path: Path, *, old_formats: bool = False) -> sf.SoundFile:
    """The file, open for decoding, when it is one of the four kinds."""
    try:
        with path.open("rb") as file:
            _check_head(path, file, old_formats=old_formats)
        return sf.SoundFile(path)
    except sf.LibsndfileError as error:
        # libsndfile's own words speak of pipes and missing files here.
        raise InputError(f"{path} is damaged: it cannot be decoded") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {str(path)!r}: {error}") from error  # a NUL in the name


def _check_head(path: Path, file: BufferedIOBase, *, old_formats: bool) -> None:
    if not path.is_file():
        raise InputError(f"cannot read {path}: it is not a regular file")
    head = file.read(12)
    if not head:
        raise InputError(f"{path} is empty, expected a WAV, FLAC, OGG or MP3 file")
    wav = head[:4] in {b"RIFF", b"RF64"} and head[8:] == b"WAVE"
    # An MPEG frame begins with eleven set bits; an ID3 tag may stand before MP3 and FLAC.
    mpeg = head[:3] == b"ID3" or (head[0] == 0xFF and len(head) > 1 and head[1] >= 0xE0)
    old = old_formats and (head[:4] == b".snd" or (head[:4] == b"FORM" and head[8:] == b"AIFF"))
    if not (wav or mpeg or old or head[:4] in {b"fLaC", b"OggS"}):
        raise InputError(f"{path} is not a WAV, FLAC, OGG or MP3 file; convert it to one of these")
    if wav:
        _check_sound_present(path, file)
    elif head[:4] == b"OggS":
        _check_last_page(path, file)


def _check_sound_present(path: Path, file: BufferedIOBase) -> None:
    # libsndfile reads what is there without a word.
    for chunk in chunks(file):
        if chunk.name == b"data" and chunk.present < chunk.declared:
            raise TruncatedError(
                f"{path} was cut short: it declares {chunk.declared} bytes of sound and holds "
                f"{chunk.present}; save it again"
            )


def _check_last_page(path: Path, file: BufferedIOBase) -> None:
    # The last page of an Ogg stream says that it is the last (RFC 3533: flag 4 of byte 5); a
    # page has at most 65 307 bytes.
    file.seek(max(0, file.seek(0, 2) - 65_307))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or not tail[page + 5 : page + 6] or not tail[page + 5] & 4:
        raise TruncatedError(f"{path} was cut short: its last Ogg page is missing; save it again")


def _checked_info(path: Path, sound: sf.SoundFile, *, old_formats: bool = False) -> AudioInfo:
    # libsndfile tells the dialects of WAV apart.
    container = {"WAVEX": "WAV", "RF64": "WAV"}.get(str(sound.format), str(sound.format))
    known = {**_ENCODINGS, **_WITH_OLD} if old_formats else _ENCODINGS
    if sound.subtype not in known.get(container, ()):
        raise InputError(f"{path} holds {sound.format} {sound.subtype}; convert it to PCM WAV")
    if sound.frames == 0:
        raise InputError(f"{path} has a header but holds no samples")
    if sound.frames > 1 << 48:
        raise InputError(f"{path} does not say how long it is; save it again")
    check_rate(sound.samplerate, str(path))
    if sound.channels > MOST_CHANNELS:
        raise InputError(f"{path} has {sound.channels} channels, expected 1 to {MOST_CHANNELS}")
    return AudioInfo(
        container=container,
        encoding=sound.subtype,
        sample_rate=sound.samplerate,
        channels=sound.channels,
        frames=sound.frames,
    )


def _tells_length(path: Path, info: AudioInfo) -> bool:
    """Whether the header's number of frames is one, and not an estimate."""
    if info.container != "MP3":
        return True
    # An MP3 file knows its length only by a tag in its first frame; else it is guessed from the
    # file's size and the first frame's bit rate. A picture may stand before, in an ID3 tag.
    with path.open("rb") as file:
        head = file.read(10)
        size = 0
        if head[:3] == b"ID3" and len(head) == 10:
            size = sum(
                (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
            )
        file.seek(size)
        first = file.read(_FIRST_FRAME)
    return any(tag in first for tag in (b"Xing", b"Info", b"VBRI"))


def _resampled(blocks: Iterator[np.ndarray], source: int, target: int) -> Iterator[np.ndarray]:
    """The blocks at another rate; only the result is ever whole in memory."""
    if source == target:
        yield from blocks
        return
    stream = soxr.ResampleStream(source, target, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
