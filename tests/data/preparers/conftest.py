import sys
from dataclasses import replace
from pathlib import Path

import pytest

from auffusion.data.listing import Listed

# The imitations are also built by a script and by other tests: a module of its own.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def sound():
    """Writes a real sound to a file: repeated up to a length, at a rate, in several channels."""
    from imitations import write_sound

    return write_sound


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
