import pytest
import torch

from auffusion.pipeline.components import PatchAutoencoderModel
from auffusion.recipes.networks import SETTINGS, new_network, new_scheduler


def test_the_settings_say_how_every_part_is_trained():
    assert {"seed", "encoder_sha256", "text_length", "scenes", "pipeline"} <= SETTINGS.keys()
    for part in ("vae", "vocoder", "diffusion"):
        table = SETTINGS[part]["loop"]
        assert table["steps"] > 0
        assert 0 < table["learning_rate"] < 0.1


@torch.no_grad()
def test_the_vae_makes_a_sixteenth_of_a_picture_each_way():
    vae = PatchAutoencoderModel(**SETTINGS["vae"]["network"]).eval()
    latent = vae.encode(torch.zeros(1, 3, 256, 64)).latent_dist.mode()
    assert latent.shape == (1, SETTINGS["vae"]["network"]["latent_channels"], 16, 4)
    assert vae.decode(latent).sample.shape == (1, 3, 256, 64)


@torch.no_grad()
def test_the_network_takes_latents_of_any_width_and_text_of_the_encoders():
    network = new_network().eval()
    channels = SETTINGS["vae"]["network"]["latent_channels"]
    rows = torch.randn(1, SETTINGS["text_length"], 384)
    text = network.adapted([rows], torch.ones(1, 1), torch.zeros(1))
    for columns in (4, 8):
        noisy = torch.randn(1, channels, 16, columns)
        assert network(noisy, torch.tensor([5]), text).shape == noisy.shape


def test_noise_levels_are_those_of_stable_diffusion():
    scheduler = new_scheduler()
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    torch.testing.assert_close(scheduler.alphas_cumprod, (1 - betas).cumprod(0))
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.num_train_timesteps == 1000
    assert scheduler.alphas_cumprod[-1].item() == pytest.approx(0.00466, abs=1e-4)
