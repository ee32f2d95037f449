import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from auffusion.train.run import Schedule
from auffusion.train.vae import VaeTraining, train_vae

SETTINGS = VaeTraining(
    schedule=Schedule(steps=24, learning_rate=5e-3, warmup=3), batch=1, frames=16, save_every=8
)


def new_vae(memory_format):
    torch.manual_seed(0)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        layers_per_block=1,
        latent_channels=2,
        norm_num_groups=2,
        mid_block_add_attention=False,
    ).to(memory_format=memory_format)


@pytest.fixture(scope="module", params=[torch.contiguous_format, torch.channels_last])
def whole(request, tmp_path_factory, sounds):
    """A run that nothing interrupted, in either order of memory."""
    folder = tmp_path_factory.mktemp("whole")
    vae = train_vae(new_vae(request.param), sounds, SETTINGS, folder)
    return vae, folder, request.param


def test_training_brings_the_error_down(whole, read_log):
    log = read_log(whole[1])
    assert [line["step"] for line in log] == [0, 10, 20]
    assert log[-1]["pixel"] < 0.8 * log[0]["pixel"]


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path, sounds, whole, read_log, interrupt, assert_equal_weights
):
    vae, folder, memory_format = whole
    started = new_vae(memory_format)
    interrupt(started.encoder, calls=22)
    with pytest.raises(KeyboardInterrupt):
        train_vae(started, sounds, SETTINGS, tmp_path)
    resumed = train_vae(new_vae(memory_format), sounds, SETTINGS, tmp_path)
    assert_equal_weights(resumed, vae)
    assert read_log(tmp_path) == read_log(folder)


def test_the_trained_vae_is_ready_for_use(whole):
    vae = whole[0]
    assert not vae.training
    with torch.no_grad():
        latent = vae.encode(torch.zeros(1, 3, 32, 16)).latent_dist.mode()
        assert vae.decode(latent).sample.shape == (1, 3, 32, 16)
    assert latent.shape == (1, 2, 16, 8)
