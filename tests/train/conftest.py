import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.scenes import Sound

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in one order, so that equal runs are equal bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sounds():
    """Six real little sounds: tones, a chirp, decaying noise; shorter and longer than a segment."""
    rng = np.random.default_rng(0)
    moments = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    waves = [
        np.sin(2 * np.pi * 440 * moments[:3000]),
        np.sin(2 * np.pi * 1500 * moments[:8000]) * np.exp(-8 * moments[:8000]),
        np.sin(2 * np.pi * (200 + 900 * moments) * moments),
        rng.standard_normal(6000) * np.exp(-20 * moments[:6000]) / 4,
        rng.standard_normal(SAMPLE_RATE) / 8,
        np.sign(np.sin(2 * np.pi * 110 * moments)) / 3,
    ]
    return [_sound(i, wave.astype(np.float32)) for i, wave in enumerate(waves)]


def _sound(number, samples):
    clip = Clip(
        id=f"tiny-{number}",
        dataset="tiny",
        path="shards/train-00000.tar",
        captions=(f"sound {number}",),
        labels=(f"sound {number}",),
        seconds=len(samples) / SAMPLE_RATE,
        split="train",
    )
    return Sound(clip=clip, samples=samples)


@pytest.fixture(scope="session")
def read_log():
    """The lines of a run's log, without the time they took."""

    def read(folder):
        lines = (folder / "log.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    return read


@pytest.fixture(scope="session")
def interrupt():
    """Make a module raise KeyboardInterrupt in its n-th call from now, as Ctrl-C would."""

    def arm(module, calls):
        left = [calls]

        def count(*_):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        return module.register_forward_pre_hook(count)

    return arm


@pytest.fixture(scope="session")
def assert_equal_weights():
    def check(one, two):
        theirs = two.state_dict()
        assert one.state_dict().keys() == theirs.keys()
        for name, value in one.state_dict().items():
            assert torch.equal(value, theirs[name]), name

    return check
