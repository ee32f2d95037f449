"""Words stored inside a sound file: INFO tags in WAV, Vorbis comments in FLAC and OGG."""

import re
from collections.abc import Mapping
from pathlib import Path

import soundfile as sf

from auffusion.audio.decoder import inspect_audio
from auffusion.audio.riff import info_tags
from auffusion.errors import InputError

METADATA_KEYS: dict[str, bytes] = {
    "title": b"INAM",
    "artist": b"IART",
    "comment": b"ICMT",
    "date": b"ICRD",
    "software": b"ISFT",
    "copyright": b"ICOP",
    "album": b"IPRD",
    "genre": b"IGNR",
}
"""The names that every format knows, and their INFO tags in WAV."""

_LONGEST = 8 << 20  # a Vorbis comment block of FLAC ends at 16 MB

# libsndfile signs the name of the software.
_SIGNATURE = re.compile(r" \(libsndfile-[\d.]+\)$")


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Refuse what a file would lose.

    Raises:
        InputError: an unknown key, a text with a NUL or a text of more than 8 MB.
    """
    for key, text in metadata.items():
        if key not in METADATA_KEYS:
            raise InputError(
                f"metadata has no field {key!r}, the fields are {', '.join(METADATA_KEYS)}"
            )
        if "\0" in text or len(text.encode(errors="replace")) > _LONGEST:
            raise InputError(f"metadata field {key!r} must be under 8 MB and free of NUL")


def read_metadata(path: str | Path) -> dict[str, str]:
    """What `write_audio` stored, by the names in `METADATA_KEYS`; empty fields are left out.

    Raises:
        InputError: as for `inspect_audio`.
    """
    path = Path(path)
    if inspect_audio(path).container == "WAV":
        # libsndfile drops INFO tags of more than about 2000 bytes.
        with path.open("rb") as file:
            tags = info_tags(file)
        return {key: tags[tag] for key, tag in METADATA_KEYS.items() if tags.get(tag)}
    with sf.SoundFile(path) as sound:
        stored = {key: str(getattr(sound, key)) for key in METADATA_KEYS}
    stored["software"] = _SIGNATURE.sub("", stored["software"])
    return {key: text for key, text in stored.items() if text}
