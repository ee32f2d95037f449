"""The record of a generated sound, for tests of what files tell."""

from auffusion.studio.settings import Record, Settings

RECORD = Record(
    settings=Settings(prompt="rain", guidance=7.5, length_s=2.56),
    model="embedded",
    identity="ab" * 32,
    version="0.1.0",
    samples="cd" * 32,
)
