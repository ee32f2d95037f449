from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from auffusion.data.listing import Listed

SOUNDS = Path(__file__).parents[2] / "sounds"


@pytest.fixture
def sound():
    """Writes a real sound to a file: repeated up to a length, at a rate, in several channels."""

    def write(path, name="crow", seconds=None, rate=16_000, channels=1, subtype=None):
        samples, own_rate = soundfile.read(SOUNDS / f"{name}.flac", dtype="float32")
        if seconds is not None:
            samples = np.resize(samples, round(seconds * own_rate))
        samples = soxr.resample(samples, own_rate, rate)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), rate, subtype)
        return path

    return write


@pytest.fixture
def listing_of(tmp_path_factory):
    """All that a data set lists of a folder; files, once found, are named as in the manifest."""

    def read(data_set, folder):
        found = list(data_set.read(folder, tmp_path_factory.mktemp("work")))
        for one in found:
            if isinstance(one, Listed):
                assert one.file == folder / one.source
                assert one.file.is_file()
        return [
            replace(one, file=Path(one.source)) if isinstance(one, Listed) else one for one in found
        ]

    return read
