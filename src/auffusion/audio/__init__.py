"""Samples in and out of files.

Importing the package loads neither torch nor a decoder: what is named here comes when it is used.
"""

from typing import TYPE_CHECKING

from auffusion.lazy import lazy_names

if TYPE_CHECKING:
    from auffusion.audio.channels import encoding_that_keeps as encoding_that_keeps
    from auffusion.audio.channels import read_channels as read_channels
    from auffusion.audio.channels import write_channels as write_channels
    from auffusion.audio.convert import fit_length as fit_length
    from auffusion.audio.convert import resample as resample
    from auffusion.audio.convert import to_int16 as to_int16
    from auffusion.audio.convert import to_mono as to_mono
    from auffusion.audio.decoder import AudioInfo as AudioInfo
    from auffusion.audio.decoder import inspect_audio as inspect_audio
    from auffusion.audio.metadata import METADATA_KEYS as METADATA_KEYS
    from auffusion.audio.metadata import read_metadata as read_metadata
    from auffusion.audio.reader import read_audio as read_audio
    from auffusion.audio.writer import encode_audio as encode_audio
    from auffusion.audio.writer import write_audio as write_audio

_HOMES = {
    "encoding_that_keeps": "auffusion.audio.channels",
    "read_channels": "auffusion.audio.channels",
    "write_channels": "auffusion.audio.channels",
    "fit_length": "auffusion.audio.convert",
    "resample": "auffusion.audio.convert",
    "to_int16": "auffusion.audio.convert",
    "to_mono": "auffusion.audio.convert",
    "METADATA_KEYS": "auffusion.audio.metadata",
    "read_metadata": "auffusion.audio.metadata",
    "AudioInfo": "auffusion.audio.decoder",
    "inspect_audio": "auffusion.audio.decoder",
    "read_audio": "auffusion.audio.reader",
    "encode_audio": "auffusion.audio.writer",
    "write_audio": "auffusion.audio.writer",
}

__getattr__ = lazy_names(__name__, _HOMES)
