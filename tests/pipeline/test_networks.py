import json
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from auffusion.errors import InputError
from auffusion.pipeline.networks import (
    fill_network,
    load_network,
    load_scheduler,
    rename_old_attention,
)

SOURCE = Path("weights")


def linear():
    return torch.nn.Linear(3, 2)


def test_a_network_takes_exactly_its_tensors():
    state = linear().state_dict()
    filled = fill_network(linear(), state, SOURCE)
    assert torch.equal(filled.weight, state["weight"])
    assert not filled.training
    assert filled.weight.requires_grad


def test_it_does_not_share_memory_with_what_it_was_filled_from():
    state = linear().state_dict()
    filled = fill_network(linear(), state, SOURCE)
    assert filled.weight.data_ptr() != state["weight"].data_ptr()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda state: state.pop("bias"), "they lack 1 tensors, the first is 'bias'"),
        (lambda state: state.update(other=torch.zeros(1)), "hold in excess 1 .* 'other'"),
        (lambda state: state.update(bias=torch.zeros(3)), r"bias is \[3\], expected \[2\]"),
    ],
)
def test_other_tensors_are_refused(change, complaint):
    state = dict(linear().state_dict())
    change(state)
    with pytest.raises(InputError, match=complaint):
        fill_network(linear(), state, SOURCE)


def test_old_names_become_new_ones_in_attention_only():
    names = ["encoder.mid_block.attentions.0.query.weight", "query.weight", "a.key.bias"]
    renamed = rename_old_attention(dict.fromkeys(names, torch.zeros(1)))
    assert list(renamed) == ["encoder.mid_block.attentions.0.to_q.weight", *names[1:]]


@pytest.mark.parametrize(("kind", "name"), [(AutoencoderKL, "vae"), (UNet2DConditionModel, "unet")])
def test_nothing_of_a_loaded_network_is_left_without_memory(published, kind, name):
    network = load_network(kind, published["adapter"][0] / name)
    tensors = [*network.parameters(), *network.buffers()]
    assert tensors
    assert not any(tensor.is_meta for tensor in tensors)


def test_the_unet_may_carry_the_settings_of_its_average(published):
    folder, written = published["adapter"]
    config = json.loads((folder / "unet" / "config.json").read_text())
    assert config["decay"] == 0.9999
    loaded = load_network(UNet2DConditionModel, folder / "unet")
    assert torch.equal(loaded.conv_in.weight, written.unet.conv_in.weight)
    assert "decay" not in loaded.config


@pytest.mark.parametrize("config", ['{"block_out_channels": 3}', "[]", "{", '{"sample_size": {}'])
def test_a_config_that_makes_no_sense_is_named(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(InputError, match=r"config\.json"):
        load_network(UNet2DConditionModel, tmp_path)


def test_a_folder_without_weights_says_what_it_lacks(tmp_path, published):
    config = published["adapter"][0] / "vae" / "config.json"
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    with pytest.raises(InputError, match="has no weights"):
        load_network(AutoencoderKL, tmp_path)


@pytest.mark.parametrize("name", ["os.system", "StableDiffusionPipeline", "NoScheduler", 3, None])
def test_only_schedulers_are_built_by_name(tmp_path, name):
    (tmp_path / "scheduler_config.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(InputError, match="diffusers does not have"):
        load_scheduler(tmp_path)


def test_a_scheduler_can_be_built_whatever_its_file_names(published):
    folder, _ = published["adapter"]
    file = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    assert file["_class_name"] == "DDIMScheduler"
    scheduler = load_scheduler(folder / "scheduler", "PNDMScheduler")
    assert type(scheduler).__name__ == "PNDMScheduler"
    assert scheduler.config.skip_prk_steps
    assert scheduler.config.beta_end == file["beta_end"]
