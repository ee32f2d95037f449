"""Models by name: a small hub of our own on this machine, and none at all."""

import huggingface_hub
import pytest
from small_hub import COMMIT, files_of, serving

from auffusion import AuffusionPipeline
from auffusion.errors import InputError
from auffusion.pipeline import HubOptions, model_folder
from auffusion.pipeline.hub import wanted_files

NAME = "someone/tiny-auffusion"


@pytest.fixture
def hub(published, monkeypatch):
    """A hub with one model, in the adapter layout, and much that nobody needs."""
    folder, _ = published["adapter"]
    unneeded = {"v1-5-pruned.ckpt": b"huge", "safety_checker/pytorch_model.bin": b"huge"}
    with serving("models", NAME, files_of(folder) | unneeded, monkeypatch) as hub:
        yield hub


def test_a_hub_id_is_fetched_once_and_only_what_is_needed(hub, tmp_path):
    read = AuffusionPipeline.from_pretrained(NAME, cache_dir=tmp_path)
    assert read.config["text_convention"] == "adapter"
    assert "v1-5-pruned.ckpt" not in hub.fetched
    assert "safety_checker/pytorch_model.bin" not in hub.fetched
    assert "vocoder/vocoder.pt" in hub.fetched
    hub.fetched.clear()
    options = HubOptions(cache_dir=tmp_path, revision="main")
    assert (model_folder(NAME, options) / "condition_config.json").is_file()
    assert hub.fetched == []


@pytest.mark.usefixtures("hub")
def test_what_was_fetched_is_there_offline(tmp_path, monkeypatch):
    online = model_folder(NAME, HubOptions(cache_dir=tmp_path))
    assert model_folder(NAME, HubOptions(cache_dir=tmp_path, local_files_only=True)) == online
    pinned = HubOptions(cache_dir=tmp_path, local_files_only=True, revision=COMMIT)
    assert model_folder(NAME, pinned) == online
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert model_folder(NAME, HubOptions(cache_dir=tmp_path)) == online


@pytest.mark.usefixtures("hub")
def test_a_name_that_the_hub_does_not_know_is_said(tmp_path):
    with pytest.raises(InputError, match=r"'no/such' was not downloaded .*NotFound"):
        model_folder("no/such", HubOptions(cache_dir=tmp_path))


@pytest.mark.parametrize("only_local", [True, False])
def test_offline_what_was_never_fetched_is_said(tmp_path, only_local):
    # The tests themselves run with HF_HUB_OFFLINE=1.
    options = HubOptions(cache_dir=tmp_path, local_files_only=only_local)
    with pytest.raises(InputError, match=f"'{NAME}' was not downloaded before"):
        AuffusionPipeline.from_pretrained(
            NAME, cache_dir=tmp_path, local_files_only=options.local_files_only
        )


@pytest.mark.parametrize("name", ["nonsense", "a/b/c", "/nowhere", "../up", "embeded"])
def test_a_name_of_nothing_says_what_is_expected(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected 'embedded', a model folder or a hub id"):
        model_folder(name)


def test_a_folder_wins_over_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "someone" / "model").mkdir(parents=True)
    assert model_folder("someone/model").samefile(tmp_path / "someone" / "model")


def test_pickles_are_wanted_only_where_there_is_nothing_safer():
    names = [
        "model_index.json",
        "README.md",
        "text_encoder/model.safetensors",
        "text_encoder/pytorch_model.bin",
        "text_encoder/model.fp16.safetensors",
        "text_encoder/openvino_model.bin",
        "tokenizer/merges.txt",
        "unet/diffusion_pytorch_model.non_ema.bin",
        "unet/diffusion_pytorch_model-00001-of-00002.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
        "vae/packed-0001.safetensors",
        "unet/deep/model.safetensors",
        "condition_adapter_0/condition_adapter.pt",
    ]
    assert wanted_files(names) == [
        "condition_adapter_0/condition_adapter.pt",
        "model_index.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "unet/diffusion_pytorch_model-00001-of-00002.bin",
        "unet/diffusion_pytorch_model.bin.index.json",
        "vae/packed-0001.safetensors",
    ]
