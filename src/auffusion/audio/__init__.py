"""Samples in and out of files."""

from auffusion.audio.convert import fit_length as fit_length
from auffusion.audio.convert import resample as resample
from auffusion.audio.convert import to_int16 as to_int16
from auffusion.audio.convert import to_mono as to_mono
from auffusion.audio.metadata import METADATA_KEYS as METADATA_KEYS
from auffusion.audio.metadata import read_metadata as read_metadata
from auffusion.audio.reader import AudioInfo as AudioInfo
from auffusion.audio.reader import inspect_audio as inspect_audio
from auffusion.audio.reader import read_audio as read_audio
from auffusion.audio.writer import encode_audio as encode_audio
from auffusion.audio.writer import write_audio as write_audio
