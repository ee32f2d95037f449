"""Tango beside the networks that were written, each called by hand."""

import json

import pytest
import torch
from diffusers import DDPMScheduler

from auffusion.baselines import load_baseline

# stabilityai/stable-diffusion-2-1, scheduler/scheduler_config.json.
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "_diffusers_version": "0.8.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


@torch.no_grad()
def by_hand(made, prompt, *, seed, steps, guidance):
    """Tango's inference as its models.py describes it."""
    ids = made.tokenizer([prompt], return_tensors="pt")
    length = ids.input_ids.shape[1]
    none = made.tokenizer([""], padding="max_length", max_length=length, return_tensors="pt")
    rows = [made.text_encoder(**tokens).last_hidden_state for tokens in (none, ids)]
    masks = [tokens.attention_mask == 1 for tokens in (none, ids)]
    scheduler = DDPMScheduler.from_config(SCHEDULER)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(1, 8, 256, 4, generator=generator)
    for step in scheduler.timesteps:
        without, given = (
            made.unet(latent, step, encoder_hidden_states=r, encoder_attention_mask=m).sample
            for r, m in zip(rows, masks, strict=True)
        )
        predicted = without + guidance * (given - without)
        latent = scheduler.step(predicted, step, latent, generator=generator).prev_sample
    log_mel = made.vae.decode(latent / made.vae.config.scaling_factor).sample
    return made.vocoder(log_mel.squeeze(1))


def test_the_sound_is_that_of_the_networks_that_were_written(published):
    folder, made = published("tango")
    baseline = load_baseline("tango", model=folder, steps=2, length_s=10.24)
    expected = by_hand(made, "a dog barks", seed=5, steps=2, guidance=3.0)
    found = baseline(["a dog barks"], [5])
    assert found.shape == (1, 163840)
    assert (found - expected[:, :163840]).abs().max() <= 1e-5


def test_the_empty_prompt_is_masked_where_it_is_padded(published):
    baseline = load_baseline("tango", model=published("tango")[0])
    rows, mask = baseline.rival._encode(["", "a dog barks"])
    assert mask.sum(dim=1).tolist() == [1, rows.shape[1]]


@pytest.mark.parametrize("name", ["main", "vae"])
def test_settings_are_read_as_published(published, name):
    # https://huggingface.co/declare-lab/tango/commit/bf778eabe31d43cd23fa2cd25443f13e9f3f9137
    content = json.loads((published("tango")[0] / f"{name}_config.json").read_text())
    expected = {
        "main": {"text_encoder_name", "scheduler_name", "unet_model_name", "snr_gamma"}
        | {"unet_model_config_path"},
        "vae": {"image_key", "subband", "embed_dim", "time_shuffle", "ddconfig", "scale_factor"},
    }
    assert set(content) == expected[name]
