"""The recording that is edited: read whole, and found again when the edit is repeated."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from auffusion.audio import AudioInfo, encoding_that_keeps, read_channels
from auffusion.audio.channels import Channels
from auffusion.audio.encoding import Encoding
from auffusion.errors import InputError
from auffusion.studio.settings import UsedRecording


@dataclass(frozen=True, kw_only=True)
class Source:
    """A recording from a file."""

    path: Path
    """The file as it was named."""
    identity: str
    """SHA-256 of its bytes."""
    channels: Channels
    """Its samples, exactly."""
    info: AudioInfo
    """What its header says."""

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.info.sample_rate

    @property
    def encoding(self) -> Encoding:
        """What a file must hold so that none of its samples changes."""
        return encoding_that_keeps(self.info)

    @property
    def used(self) -> UsedRecording:
        """What a record says of it."""
        return UsedRecording(name=str(self.path), identity=self.identity)


def read_source(path: Path) -> Source:
    """The recording in a file.

    Raises:
        InputError: as for `read_channels`.
    """
    channels, info = read_channels(path)
    return Source(path=path, identity=_content(path), channels=channels, info=info)


def find_source(used: UsedRecording, file: Path, given: Path | None) -> Source:
    """The recording that a file was made of.

    Args:
        used: what the file says of it.
        file: the file.
        given: where it is now; None looks where it was, and then beside the file.

    Raises:
        InputError: it is in neither place, or another one is there.
    """
    places = [Path(used.name), file.parent / Path(used.name).name]
    place = next((one for one in places if one.is_file()), None) if given is None else given
    if place is None:
        raise InputError(
            f"{file} was made of {used.name}, which is not there: say where it is now with "
            "--recording"
        )
    source = read_source(place)
    if source.identity != used.identity:
        raise InputError(
            f"{file} was made of another recording than {place} (content {used.identity[:12]}, "
            f"here {source.identity[:12]}): name that one with --recording"
        )
    return source


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
