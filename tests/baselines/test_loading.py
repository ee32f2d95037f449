"""A baseline from its name: a folder, a small hub on this machine, and neither."""

import shutil

import pytest
import torch
from small_hub import files_of, serving

from auffusion.baselines import load_baseline, loading
from auffusion.baselines.catalogue import BASELINES
from auffusion.errors import InputError
from auffusion.hub import HubOptions

SHORT = {"steps": 1, "length_s": 0.1}


def test_without_its_weights_it_says_what_it_needs():
    # The tests themselves run with HF_HUB_OFFLINE=1 and an empty cache.
    with pytest.raises(
        InputError,
        match=r"tango needs declare-lab/tango \(in all 5\.3 GB, CC BY-NC-SA 4\.0\), which is not "
        r"on this machine: allow its download by --download, or give its files by --model",
    ):
        load_baseline("tango")


def test_without_its_companion_it_says_where_that_goes(published, tmp_path):
    folder = tmp_path / "tango"
    shutil.copytree(published("tango")[0], folder)
    shutil.rmtree(folder / "flan-t5-large")
    with pytest.raises(InputError, match=r"needs google/flan-t5-large .*tango/flan-t5-large as a"):
        load_baseline("tango", model=folder)


def test_what_nobody_published_says_how_it_is_made():
    with pytest.raises(InputError, match="auffusion train diffusion riffusion"):
        load_baseline("riffusion-retrained")


@pytest.mark.parametrize("model", ["nowhere", "a/b/c", "/no/such"])
def test_a_name_of_nothing_says_what_is_expected(model):
    with pytest.raises(InputError, match="a folder with the files of declare-lab/tango"):
        load_baseline("tango", model=model)


def test_nothing_is_fetched_unless_it_is_asked_for(published, tmp_path, monkeypatch):
    folder, _ = published("tangoflux")
    files = files_of(folder) | {"handler.py": b"code", "model.py": b"code"}
    options = HubOptions(cache_dir=tmp_path)
    with serving("models", "someone/flux", files, monkeypatch) as hub:
        with pytest.raises(InputError, match="needs someone/flux"):
            load_baseline("tangoflux", model="someone/flux", options=options)
        assert hub.fetched == []
        # FLAN-T5 is not on this hub: its folder would have to be given.
        with pytest.raises(InputError, match="google/flan-t5-large"):
            load_baseline("tangoflux", model="someone/flux", options=options, download=True)
        assert sorted(hub.fetched) == ["config.json", "tangoflux.safetensors", "vae.safetensors"]


def test_a_repository_sounds_as_its_folder(published, tmp_path, monkeypatch):
    folder, _ = published("audioldm-l-full")
    extra = {"unet/diffusion_pytorch_model.fp16.bin": b"another precision", "README.md": b"words"}
    options = HubOptions(cache_dir=tmp_path)
    with serving("models", "someone/ldm", files_of(folder) | extra, monkeypatch) as hub:
        fetched = load_baseline(
            "audioldm-l-full", model="someone/ldm", options=options, download=True, **SHORT
        )
        assert not set(extra) & set(hub.fetched)
        hub.fetched.clear()
        again = load_baseline("audioldm-l-full", model="someone/ldm", options=options, **SHORT)
        assert hub.fetched == []
    given = load_baseline("audioldm-l-full", model=folder, **SHORT)
    assert fetched.identity == again.identity == given.identity
    assert torch.equal(fetched(["rain"], [0]), given(["rain"], [0]))


def test_the_identity_is_of_what_is_read(published, tmp_path):
    folder = tmp_path / "tango"
    shutil.copytree(published("tango")[0], folder)
    before = load_baseline("tango", model=folder).identity
    (folder / "README.md").write_text("words")
    (folder / "pytorch_model_stft.bin").unlink()
    assert load_baseline("tango", model=folder).identity == before
    tokenizer = folder / "flan-t5-large" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    assert load_baseline("tango", model=folder).identity != before


def test_a_missing_package_is_named(published, monkeypatch):
    def missing(_name):
        raise ModuleNotFoundError("No module named 'yaml'", name="yaml")

    monkeypatch.setattr(loading, "import_module", missing)
    with pytest.raises(
        InputError, match=r"No module named 'yaml'\): install auffusion\[baselines\]"
    ):
        load_baseline("audiogen-v2-medium", model=published("audiogen-v2-medium")[0])


@pytest.mark.parametrize(
    ("prompts", "seeds", "said"),
    [
        ([], [], "0 prompts and 0 seeds"),
        (["rain"], [], "1 prompts and 0 seeds"),
        (["rain"], [-1], "seed -1 is out of range"),
        (["rain"], [2**32], "seed 4294967296 is out of range"),
    ],
)
def test_each_prompt_has_a_seed(published, prompts, seeds, said):
    baseline = load_baseline("tangoflux", model=published("tangoflux")[0], **SHORT)
    with pytest.raises(InputError, match=said):
        baseline(prompts, seeds)


def test_listing_the_baselines_loads_no_network_code():
    import subprocess
    import sys

    code = (
        "import sys, auffusion.baselines as b; b.BASELINES; "
        "print([m for m in ('torch', 'diffusers', 'transformers') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
    assert len(BASELINES) == 10
