"""Every kind of folder, through the real door."""

import json
import pickle
import shutil

import pytest
import torch

from auffusion import AuffusionPipeline
from auffusion.errors import InputError
from auffusion.pipeline import save_packed, tiny_pipeline, write_tiny_published

LAYOUTS = ("adapter", "stable-diffusion")


@pytest.fixture
def copied(published, tmp_path):
    """A published folder of one's own, to damage."""

    def copy(layout="adapter"):
        return shutil.copytree(published[layout][0], tmp_path / layout)

    return copy


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_published_folder_sounds_like_the_model_it_holds(published, layout, sing):
    folder, written = published[layout]
    read = AuffusionPipeline.from_pretrained(folder)
    assert read.config["text_convention"] == layout
    assert torch.equal(sing(read).audios, sing(written).audios)


def test_the_adapter_layout_is_sampled_with_pndm_and_the_papers_settings(published):
    read = AuffusionPipeline.from_pretrained(published["adapter"][0])
    assert type(read.scheduler).__name__ == "PNDMScheduler"
    assert read.config["default_steps"] == 100
    assert read.config["default_guidance"] == 7.5
    assert read.config["text_max_length"] == 77


def test_a_unet_that_does_not_say_its_width_has_the_published_window(copied):
    folder = copied()
    edit(folder / "unet" / "config.json", sample_size=64)
    read = AuffusionPipeline.from_pretrained(folder)
    assert read.config["canvas_frames"] == 1024
    assert read.canvas.samples(None) == 163_840


def test_two_encoders_give_154_rows(tmp_path, sing):
    written = write_tiny_published(tmp_path, encoders=("clap", "t5"))
    read = AuffusionPipeline.from_pretrained(tmp_path)
    assert read.text.encode(["a dog"]).embeds.shape == (1, 154, 16)
    assert read.text.unconditional(1).shape == (1, 154, 16)
    assert torch.equal(sing(read).audios, sing(written).audios)


@pytest.mark.parametrize("as_path", [True, False])
def test_a_plain_stable_diffusion_folder_takes_a_vocoder(copied, published, as_path, sing):
    folder = copied("stable-diffusion")
    shutil.rmtree(folder / "vocoder")
    other, written = published["stable-diffusion"]
    vocoder = other / "vocoder" if as_path else written.vocoder
    read = AuffusionPipeline.from_pretrained(folder, vocoder=vocoder)
    assert torch.equal(sing(read).audios, sing(written).audios)


def test_a_vocoder_of_ours_can_be_given_too(copied, tmp_path):
    folder = copied("adapter")
    other = tiny_pipeline(seed=5).vocoder
    other.save_pretrained(tmp_path / "other")
    read = AuffusionPipeline.from_pretrained(folder, vocoder=str(tmp_path / "other"))
    assert torch.equal(read.vocoder.network.conv_pre.weight, other.network.conv_pre.weight)


@pytest.mark.parametrize(
    ("layout", "encoders"), [*((name, ("clip",)) for name in LAYOUTS), ("adapter", ("clap", "t5"))]
)
def test_saved_and_loaded_is_bit_equal(tmp_path, layout, encoders, sing):
    pipeline = tiny_pipeline(3, layout=layout, encoders=encoders)
    pipeline.save_pretrained(tmp_path)
    again = AuffusionPipeline.from_pretrained(tmp_path)
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            kept = getattr(again, name).state_dict()
            assert all(torch.equal(kept[key], value) for key, value in part.state_dict().items())
    assert torch.equal(sing(again).audios, sing(pipeline).audios)
    assert not list(tmp_path.rglob("*.bin"))


def test_saved_twice_the_folder_is_the_same(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "once")
    AuffusionPipeline.from_pretrained(tmp_path / "once").save_pretrained(tmp_path / "twice")
    for path in (tmp_path / "once").rglob("*.safetensors"):
        other = tmp_path / "twice" / path.relative_to(tmp_path / "once")
        assert path.read_bytes() == other.read_bytes(), path
    first, second = (tmp_path / name / "model_index.json" for name in ("once", "twice"))
    assert first.read_text() == second.read_text()


def test_a_model_can_be_saved_where_it_was_loaded_from(tmp_path, sing):
    tiny_pipeline(3).save_pretrained(tmp_path)
    read = AuffusionPipeline.from_pretrained(tmp_path)
    before = sing(read).audios
    read.save_pretrained(tmp_path)
    assert torch.equal(sing(read).audios, before)
    assert torch.equal(sing(AuffusionPipeline.from_pretrained(tmp_path)).audios, before)


def test_a_packed_folder_is_small_and_near(tmp_path, sing):
    pipeline = tiny_pipeline(3)
    pipeline.save_pretrained(tmp_path / "whole")
    save_packed(pipeline, tmp_path / "packed")
    read = AuffusionPipeline.from_pretrained(tmp_path / "packed")
    difference = sing(read).spectrograms - sing(pipeline).spectrograms
    # Eight bits a weight are a signal-to-noise ratio of some 40 dB in each layer.
    assert 0 < difference.square().mean().sqrt() < 0.05
    packed, whole = (
        sum(file.stat().st_size for file in (tmp_path / name / "unet").iterdir())
        for name in ("packed", "whole")
    )
    # Half of this model is in tensors too small to pack.
    assert packed < 0.6 * whole


def test_the_embedded_model_is_the_folder_that_ships(tmp_path, monkeypatch, sing):
    save_packed(tiny_pipeline(3), tmp_path / "embedded")
    monkeypatch.setattr("auffusion.pipeline.hub.embedded_model", lambda: tmp_path / "embedded")
    read = AuffusionPipeline.from_pretrained("embedded")
    assert read.config["canvas_frames"] == 256
    assert sing(read).audios.shape == (1, 10240)


def test_parts_can_be_given_in_place_of_the_models_own(published):
    other = tiny_pipeline(seed=9)
    read = AuffusionPipeline.from_pretrained(published["adapter"][0], unet=other.unet)
    assert read.unet is other.unet


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_all_but_the_vocoder_is_loaded_in_the_precision_asked_for(published, name):
    read = AuffusionPipeline.from_pretrained(published["adapter"][0], **{name: torch.bfloat16})
    precisions = {
        name: part.dtype
        for name, part in read.components.items()
        if isinstance(part, torch.nn.Module)
    }
    assert precisions.pop("vocoder") == torch.float32
    assert set(precisions.values()) == {torch.bfloat16}


class Canary:
    """Runs when it is unpickled by anything that does not look."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def pickle_plainly(thing, path):
    path.write_bytes(pickle.dumps(thing))


@pytest.mark.parametrize(
    "file",
    [
        "vocoder/vocoder.pt",
        "condition_adapter_0/condition_adapter.pt",
        "unet/diffusion_pytorch_model.bin",
        "vae/diffusion_pytorch_model.bin",
        "text_encoder_0/pytorch_model.bin",
    ],
)
@pytest.mark.parametrize("save", [torch.save, pickle_plainly])
def test_a_file_that_holds_code_is_refused_and_not_run(copied, tmp_path, file, save):
    folder = copied()
    save({"generator": Canary(tmp_path / "ran")}, folder / file)
    with pytest.raises(InputError, match=file.split("/")[1].replace(".", r"\.")):
        AuffusionPipeline.from_pretrained(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["half", "empty", "zeros"])
@pytest.mark.parametrize("file", ["vocoder/vocoder.pt", "unet/diffusion_pytorch_model.bin"])
def test_a_damaged_file_is_refused(copied, file, damage):
    path = copied() / file
    content = path.read_bytes()
    damaged = {"half": content[: len(content) // 2], "empty": b"", "zeros": bytes(99)}
    path.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=path.name.replace(".", r"\.")):
        AuffusionPipeline.from_pretrained(path.parents[1])


def test_a_file_of_numbers_is_no_weight_file(copied):
    folder = copied()
    torch.save({"proj.weight": 3}, folder / "condition_adapter_0" / "condition_adapter.pt")
    with pytest.raises(InputError, match=r"condition_adapter\.pt"):
        AuffusionPipeline.from_pretrained(folder)


def test_a_shard_outside_its_folder_is_not_read(copied):
    folder = copied() / "unet"
    weights = folder / "diffusion_pytorch_model.bin"
    weights.rename(folder.parent / "weights.bin")
    index = {"weight_map": {"conv_in.weight": "../weights.bin"}}
    (folder / "diffusion_pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"\.\./weights\.bin"):
        AuffusionPipeline.from_pretrained(folder.parent)


@pytest.mark.parametrize(
    ("conditions", "complaint"),
    [
        ("{}", "one or two text encoders"),
        ("[]", "one or two text encoders"),
        ("[3]", "must list objects"),
        ('[{"text_encoder_name": "../x"}]', "must be the name of a folder"),
        (
            '[{"text_encoder_name": "a", "condition_adapter_name": "b", "condition_dim": "16"}]',
            "positive whole number",
        ),
    ],
)
def test_a_wrong_condition_config_is_named(copied, conditions, complaint):
    folder = copied()
    (folder / "condition_config.json").write_text(conditions)
    with pytest.raises(InputError, match=complaint):
        AuffusionPipeline.from_pretrained(folder)


def test_a_saved_folder_does_not_choose_what_is_imported(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit")
    edit(tmp_path / "model_index.json", unet=["evil", "UNet2DConditionModel"])
    read = AuffusionPipeline.from_pretrained(tmp_path)
    assert type(read.unet).__name__ == "UNet2DConditionModel"
    edit(tmp_path / "vocoder" / "config.json", _class_name="os.system")
    with pytest.raises(InputError, match=r"names the vocoder 'os\.system'"):
        AuffusionPipeline.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"unet": [None, None]}, "names no unet"),
        ({"text_convention": "loud"}, "text_convention 'loud' is unknown"),
        ({"mel": {"colour": 3}}, "settings make no sense"),
        ({"mel": {"bands": 128}}, "64 bands .* 128"),
        ({"canvas_frames": 100}, "multiples of 16"),
        ({"image_scale": {"kind": "other"}}, "'other' is unknown"),
    ],
)
def test_settings_that_make_no_sense_are_named(tmp_path, changes, complaint):
    tiny_pipeline().save_pretrained(tmp_path)
    edit(tmp_path / "model_index.json", **changes)
    with pytest.raises(InputError, match=complaint):
        AuffusionPipeline.from_pretrained(tmp_path)


def test_parts_of_different_models_are_refused():
    pipeline = tiny_pipeline()
    wide = tiny_pipeline(encoders=("clap", "t5"))
    wide.condition_adapter.register_to_config(cross_attention_dim=99)
    parts = pipeline.components
    settings = {"mel": pipeline.config["mel"], "canvas_frames": 256}
    with pytest.raises(InputError, match="99 features and the U-Net attends to 16"):
        AuffusionPipeline(**{**parts, "condition_adapter": wide.condition_adapter}, **settings)
    pipeline.vae.register_to_config(latent_channels=8)
    with pytest.raises(InputError, match="latents have 8 channels"):
        AuffusionPipeline(**parts, **settings)


def test_without_a_vocoder_the_remedy_is_said(copied):
    folder = copied("stable-diffusion")
    shutil.rmtree(folder / "vocoder")
    with pytest.raises(InputError, match="vocoder="):
        AuffusionPipeline.from_pretrained(folder)


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(InputError, match="not a model folder"):
        AuffusionPipeline.from_pretrained(tmp_path)


@pytest.mark.parametrize("vocoder", ["nowhere", "here"])
def test_a_vocoder_folder_that_is_none_is_named(published, tmp_path, vocoder):
    (tmp_path / "here").mkdir()
    with pytest.raises(InputError, match=vocoder):
        AuffusionPipeline.from_pretrained(published["adapter"][0], vocoder=tmp_path / vocoder)
