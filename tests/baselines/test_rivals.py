"""All baselines through the one interface, from tiny checkpoints in the published layout."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from auffusion.baselines import BASELINES, Baseline, Rival, load_baseline
from auffusion.errors import InputError

NAMES = list(BASELINES)
LENGTH_S = 0.16


def load(name, folder, **settings):
    steps = None if name == "audiogen-v2-medium" else 2
    return load_baseline(name, model=folder, **{"steps": steps, "length_s": LENGTH_S} | settings)


@pytest.mark.parametrize("name", NAMES)
def test_each_speaks_alone_and_by_its_seed(published, name):
    baseline = load(name, published(name)[0])
    assert isinstance(baseline, Baseline)
    assert isinstance(baseline.rival, Rival)
    sounds = baseline(["a dog barks", "rain", "rain"], [1, 2, 3])
    # Mono at 16 kHz, as long as was asked for.
    assert sounds.shape == (3, 2560)
    assert sounds.dtype == torch.float32
    assert sounds.isfinite().all()
    assert (sounds.abs().amax(dim=-1) > 1e-3).all()
    assert torch.equal(baseline(["rain"], [2]), sounds[1:2])
    assert not torch.equal(sounds[1], sounds[2])
    assert not torch.equal(baseline(["a dog barks"], [2])[0], sounds[1])


@pytest.mark.parametrize("name", NAMES)
def test_guidance_counts_and_one_is_none(published, name):
    sounds = [
        load(name, published(name)[0], guidance=scale)(["a dog barks"], [1])
        for scale in (0.0, 1.0, 7.0)
    ]
    assert torch.equal(sounds[0], sounds[1])
    assert not torch.equal(sounds[1], sounds[2])


def weight_files(folder, name):
    """Every weight file of a checkpoint, companions included, that is read."""
    endings = {".bin", ".safetensors"}
    unread = {"pytorch_model_stft.bin"}
    # The paper's Riffusion speaks without the vocoder in its folder.
    parts = {"vocoder"} if name == "riffusion-retrained" else set()
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in endings and path.name not in unread and path.parent.name not in parts
    ]


@pytest.fixture
def spoilt(published, tmp_path):
    """A copy of a checkpoint to damage."""

    def copy(name):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(published(name)[0], folder)
        return folder

    return copy


DISTINCT = [name for name in NAMES if name not in {"audioldm2-large", "tango-full"}]


@pytest.mark.parametrize("name", DISTINCT)
def test_a_weight_file_that_is_missing_or_damaged_is_named(spoilt, name):
    folder = spoilt(name)
    for path in weight_files(folder, name):
        whole = path.read_bytes()
        for content in (whole[: len(whole) // 2], None):
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            with pytest.raises(InputError) as caught:
                load(name, folder)
            # The file, or the part's folder.
            assert str(path.parent) in str(caught.value)
            path.write_bytes(whole)


class Payload:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (type(self.trace).touch, (self.trace,))


@pytest.mark.parametrize("name", ["riffusion", "audiogen-v2-medium", "audioldm-l-full", "tango"])
def test_a_pickle_that_holds_code_is_refused_and_does_not_run(spoilt, name, tmp_path):
    folder = spoilt(name)
    pickles = [path for path in weight_files(folder, name) if path.suffix == ".bin"]
    assert len(pickles) >= 2
    for path in pickles:
        whole = path.read_bytes()
        torch.save({"weight": torch.zeros(1), "code": Payload(tmp_path / "it-ran")}, path)
        with pytest.raises(InputError):
            load(name, folder)
        path.write_bytes(whole)
    assert not (tmp_path / "it-ran").exists()


def change(path, edit):
    """Change the state dict in a weight file, whatever its format and layout."""
    if path.suffix == ".safetensors":
        state = load_file(path)
        edit(state)
        save_file(state, path, metadata={"format": "pt"})
        return
    content = torch.load(path, weights_only=True)
    edit(content.get("best_state", content))
    torch.save(content, path)


def drop_one(state):
    names = [name for name in state if name.endswith(".bias") and "embed" not in name]
    del state[names[0]]


def add_one(state):
    state["unet.nobody.knows.weight"] = torch.zeros(1)


def widen_one(state):
    name = next(name for name in state if name.endswith(".bias"))
    state[name] = torch.zeros(len(state[name]) + 1)


MAIN = {
    "riffusion": "unet/diffusion_pytorch_model.bin",
    "audiogen-v2-medium": "state_dict.bin",
    "audioldm-s-full-v2": "unet/diffusion_pytorch_model.safetensors",
    "audioldm2": "unet/diffusion_pytorch_model.safetensors",
    "tango": "pytorch_model_main.bin",
    "tangoflux": "tangoflux.safetensors",
}


@pytest.mark.parametrize("name", list(MAIN))
@pytest.mark.parametrize("edit", [drop_one, add_one, widen_one])
def test_weights_of_another_network_are_refused(spoilt, name, edit):
    folder = spoilt(name)
    change(folder / MAIN[name], edit)
    with pytest.raises(InputError):
        load(name, folder)
