import json

import pytest
import torch
from diffusers import StableDiffusionPipeline

from auffusion import AuffusionPipeline
from auffusion.errors import InputError
from auffusion.pipeline import (
    convert_checkpoint,
    model_identity,
    tiny_pipeline,
    write_tiny_published,
)
from auffusion.pipeline.components import FourierVocoderModel
from auffusion.pipeline.publish import unfold_weight_norm
from auffusion.vocoder import fold_weight_norm


@pytest.mark.parametrize(
    ("layout", "encoders"),
    [("adapter", ("clip",)), ("stable-diffusion", ("clip",)), ("adapter", ("clap", "t5"))],
)
def test_there_and_back_it_is_the_same_model(tmp_path, layout, encoders, sing):
    (tmp_path / "old").mkdir()
    written = write_tiny_published(tmp_path / "old", layout, encoders=encoders)
    ours = convert_checkpoint(tmp_path / "old", tmp_path / "ours")
    back = convert_checkpoint(ours, tmp_path / "back", "published")
    sound, identity = sing(written).audios, model_identity(written)
    for folder in (tmp_path / "old", ours, back):
        read = AuffusionPipeline.from_pretrained(folder)
        assert model_identity(read) == identity, folder.name
        assert torch.equal(sing(read).audios, sound), folder.name


def test_our_layout_holds_safetensors_only(published, tmp_path):
    convert_checkpoint(published["adapter"][0], tmp_path / "ours")
    endings = {path.suffix for path in (tmp_path / "ours").rglob("*") if path.is_file()}
    assert endings == {".json", ".safetensors"}


def test_diffusers_reads_the_stable_diffusion_layout_we_write(published, tmp_path):
    folder, written = published["stable-diffusion"]
    convert_checkpoint(folder, tmp_path / "back", "published")
    other = StableDiffusionPipeline.from_pretrained(tmp_path / "back")
    assert torch.equal(other.unet.conv_in.weight, written.unet.conv_in.weight)
    tokens = other.tokenizer("a dog", return_tensors="pt").input_ids
    expected = written.text_encoder(tokens).last_hidden_state
    assert torch.equal(other.text_encoder(tokens).last_hidden_state, expected)


def test_clip_is_written_with_the_names_that_older_programs_look_for(published, tmp_path):
    from safetensors import safe_open

    convert_checkpoint(published["adapter"][0], tmp_path / "back", "published")
    with safe_open(tmp_path / "back" / "text_encoder_0" / "model.safetensors", "pt") as file:
        assert all(name.startswith("text_model.") for name in file.keys())  # noqa: SIM118
        assert file.metadata() == {"format": "pt"}
    listed = json.loads((tmp_path / "back" / "condition_config.json").read_text())
    assert listed[0]["condition_max_length"] == 77


def test_weight_norm_unfolded_and_folded_is_bit_equal():
    state = dict(tiny_pipeline(4).vocoder.network.state_dict())
    unfolded = unfold_weight_norm(state)
    assert unfolded["ups.0.weight_g"].shape == (32, 1, 1)
    folded = fold_weight_norm(unfolded)
    assert folded.keys() == state.keys()
    assert all(torch.equal(folded[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("layout", ["auffusion", "published"])
def test_an_existing_folder_is_not_touched(published, tmp_path, layout):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "diary.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        convert_checkpoint(published["adapter"][0], tmp_path / "there", layout)
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "diary.txt"]


def test_a_source_that_cannot_be_read_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="no model"):
        convert_checkpoint(tmp_path / "nowhere", tmp_path / "target")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(published, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        convert_checkpoint(published["adapter"][0], tmp_path / "file" / "target")


def refit(**changes):
    pipeline = tiny_pipeline()
    settings = {name: pipeline.config[name] for name in ("mel", "canvas_frames", "text_max_length")}
    return AuffusionPipeline(**{**pipeline.components, **settings, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vocoder": FourierVocoderModel(bands=64, channels=16, blocks=1)}, "vocoder"),
        ({"image_scale": {"kind": "fixed-log-range", "low": -9.0, "high": 5.0}}, "picture scale"),
        ({"text_max_length": 32}, "77 rows"),
        ({"condition_adapter": None}, "adapters"),
    ],
)
def test_what_the_published_layouts_cannot_hold_is_said(tmp_path, changes, reason):
    refit(**changes).save_pretrained(tmp_path / "ours")
    with pytest.raises(InputError, match=reason):
        convert_checkpoint(tmp_path / "ours", tmp_path / "back", "published")
    assert [path.name for path in tmp_path.iterdir()] == ["ours"]
