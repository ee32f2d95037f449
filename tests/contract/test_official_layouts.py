"""Tiny checkpoints in the released form: that they are in the old form, and that they load."""

import json

import pytest
import torch
from transformers.models.clip.modeling_clip import CLIPTextModel

from auffusion import AuffusionPipeline
from auffusion.pipeline import write_tiny_published


@pytest.fixture(scope="module")
def adapter_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    return folder, write_tiny_published(folder, "adapter")


@pytest.fixture(scope="module")
def stable_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stable")
    return folder, write_tiny_published(folder, "stable-diffusion")


def pickled(path):
    return torch.load(path, weights_only=True)


def test_the_files_are_those_of_the_adapter_layout(adapter_folder):
    folder, _ = adapter_folder
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files >= {
        "condition_config.json",
        "vae/config.json",
        "vae/diffusion_pytorch_model.bin",
        "unet/config.json",
        "unet/diffusion_pytorch_model.bin",
        "scheduler/scheduler_config.json",
        "vocoder/config.json",
        "vocoder/vocoder.pt",
        "text_encoder_0/config.json",
        "text_encoder_0/pytorch_model.bin",
        "text_encoder_0/vocab.json",
        "text_encoder_0/merges.txt",
        "condition_adapter_0/config.json",
        "condition_adapter_0/condition_adapter.pt",
    }
    assert not list(folder.rglob("*.safetensors"))
    assert isinstance(json.loads((folder / "condition_config.json").read_text()), list)


def test_the_files_are_those_of_the_stable_diffusion_layout(stable_folder):
    folder, _ = stable_folder
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files >= {
        "model_index.json",
        "text_encoder/pytorch_model.bin",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "vocoder/vocoder.pt",
    }
    assert "condition_config.json" not in files


def test_the_vocoder_has_old_weight_norm_keys(adapter_folder):
    folder, _ = adapter_folder
    generator = pickled(folder / "vocoder" / "vocoder.pt")["generator"]
    # Of four stages with two kernels: 3 · (2 + U + 6 · U · K), as in the description.
    assert len(generator) == 3 * (2 + 4 + 6 * 4 * 2)
    assert {"ups.0.weight_g", "ups.0.weight_v", "conv_post.bias"} <= generator.keys()


def test_clip_has_prefixed_keys_and_its_position_buffer(adapter_folder):
    folder, _ = adapter_folder
    state = pickled(folder / "text_encoder_0" / "pytorch_model.bin")
    assert all(name.startswith("text_model.") for name in state)
    assert "text_model.embeddings.position_ids" in state


def test_the_vae_has_the_old_names_of_its_attention(adapter_folder):
    folder, _ = adapter_folder
    state = pickled(folder / "vae" / "diffusion_pytorch_model.bin")
    assert "decoder.mid_block.attentions.0.proj_attn.weight" in state
    assert not [name for name in state if "to_q" in name]


def test_the_embeddings_are_those_of_transformers(adapter_folder):
    """A second opinion: transformers' own loader on the same old folder."""
    folder, _ = adapter_folder
    pipeline = AuffusionPipeline.from_pretrained(folder)
    reference = CLIPTextModel.from_pretrained(folder / "text_encoder_0").eval()
    tokens = pipeline.tokenizer("a dog", return_tensors="pt").input_ids
    with torch.no_grad():
        expected = reference(tokens).last_hidden_state
        ours = pipeline.text_encoder(tokens).last_hidden_state
    assert (ours - expected).abs().max() <= 1e-6


@pytest.mark.parametrize("which", ["adapter_folder", "stable_folder"])
def test_every_tensor_arrives(which, request):
    folder, written = request.getfixturevalue(which)
    read = AuffusionPipeline.from_pretrained(folder)
    for name, part in written.components.items():
        if isinstance(part, torch.nn.Module):
            state = getattr(read, name).state_dict()
            for key, value in part.state_dict().items():
                assert torch.equal(state[key], value), (name, key)


@pytest.mark.parametrize("encoders", [("clip",), ("clap",), ("t5",), ("clip", "t5")])
def test_every_published_kind_of_encoder_loads(tmp_path, encoders):
    written = write_tiny_published(tmp_path, encoders=encoders)
    read = AuffusionPipeline.from_pretrained(tmp_path)
    prompts = ["a dog", "rain on a roof"]
    rows = read.text.encode(prompts).embeds
    assert rows.shape == (2, 77 * len(encoders), 16)
    assert torch.equal(rows, written.text.encode(prompts).embeds)
    assert read.text.unconditional(1).abs().max() == 0
