"""Baselines where they are meant to run: the networks on a GPU, the seeds on the CPU."""

import pytest
import torch

from auffusion.baselines import BASELINES, load_baseline

pytestmark = pytest.mark.gpu


def load(name, folder, **settings):
    steps = None if name == "audiogen-v2-medium" else 2
    return load_baseline(name, model=folder, steps=steps, length_s=0.16, **settings)


@pytest.mark.parametrize("name", list(BASELINES))
def test_a_seed_sounds_the_same_on_a_gpu(published, name):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    folder, _ = published(name)
    here = load(name, folder)(["a dog barks"], [3])
    there = load(name, folder, device="cuda")(["a dog barks"], [3])
    assert there.device.type == "cpu"
    # Griffin-Lim's rounds carry the last bits far: its loudness over time is what stays.
    if name.startswith("riffusion"):
        here, there = (s.square().reshape(1, -1, 160).mean(-1).sqrt() for s in (here, there))
        assert (here - there).abs().max() <= 0.1
    else:
        assert (here - there).abs().max() <= 5e-3


@pytest.mark.parametrize("name", list(BASELINES))
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_speaks(published, name, dtype):
    baseline = load(name, published(name)[0], device="cuda", dtype=dtype)
    sound = baseline(["a dog barks"], [3])
    assert sound.isfinite().all()
    assert sound.abs().max() > 1e-3
    assert torch.equal(sound, baseline(["a dog barks"], [3]))
