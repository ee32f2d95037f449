import pytest
from tiny_rivals import WRITERS


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Folder and content of a baseline's tiny checkpoint; nobody writes to it."""
    written = {}

    def get(name):
        writer = WRITERS[name]
        if writer not in written:
            folder = tmp_path_factory.mktemp("rivals") / name
            folder.mkdir()
            written[writer] = (folder, writer(folder))
        return written[writer]

    return get
