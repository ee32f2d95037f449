import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in one order, so that equal runs are equal bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def read_log():
    """The lines of a run's log, without the time they took."""

    def read(folder):
        lines = (folder / "log.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    return read


@pytest.fixture(scope="session")
def assert_equal_weights():
    def check(one, two):
        theirs = two.state_dict()
        assert one.state_dict().keys() == theirs.keys()
        for name, value in one.state_dict().items():
            assert torch.equal(value, theirs[name]), name

    return check
