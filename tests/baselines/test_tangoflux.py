"""TangoFlux beside the networks that were written, each called by hand."""

import math

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from tiny_rivals.tangoflux import CONFIG

from auffusion.audio import resample
from auffusion.baselines import load_baseline


@torch.no_grad()
def conditions(made, prompt, length, length_s):
    """Rows with the length at their end, and their mean; as its model.py describes it."""
    tokens = made.tokenizer([prompt], padding="max_length", max_length=length, return_tensors="pt")
    rows = made.text_encoder(**tokens).last_hidden_state
    pooled = made.fc(rows[tokens.attention_mask == 1].mean(dim=0)).relu()[None]
    share = torch.tensor([length_s / CONFIG["max_duration"]])
    turns = share * made.frequencies * 2 * math.pi
    seconds = made.seconds(torch.cat([share, turns.sin(), turns.cos()]))
    return torch.cat([rows, seconds[None, None]], dim=1), pooled


@torch.no_grad()
def by_hand(made, prompt, *, seed, steps, guidance, length_s):
    length = len(made.tokenizer(prompt).input_ids)
    both = [conditions(made, text, length, length_s) for text in ("", prompt)]
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000)
    sigmas = [1 + k * (1 / steps - 1) / (steps - 1) for k in range(steps)]
    scheduler.set_timesteps(sigmas=sigmas)
    frames = CONFIG["audio_seq_len"]
    latent = torch.randn(1, frames, 4, generator=torch.Generator().manual_seed(seed))
    for step in scheduler.timesteps:
        without, given = (
            made.transformer(
                hidden_states=latent,
                timestep=step[None] / 1000,
                encoder_hidden_states=rows,
                pooled_projections=pooled,
                txt_ids=torch.zeros(rows.shape[1], 3),
                img_ids=torch.stack([torch.arange(frames).float()] * 3, dim=1),
            ).sample
            for rows, pooled in both
        )
        predicted = without + guidance * (given - without)
        latent = scheduler.step(predicted, step, latent).prev_sample
    return made.vae.decode(latent.transpose(1, 2)).sample[0]


def test_the_sound_is_that_of_the_networks_that_were_written(published):
    folder, made = published("tangoflux")
    baseline = load_baseline("tangoflux", model=folder, steps=3, length_s=0.3)
    stereo = by_hand(made, "a dog barks", seed=5, steps=3, guidance=4.5, length_s=0.3)
    with torch.no_grad():
        found = baseline.rival.sound(
            "a dog barks", torch.Generator().manual_seed(5), baseline.sampling
        )
    assert found.shape == (2, CONFIG["audio_seq_len"] * 256)
    assert (found - stereo).abs().max() <= 1e-5
    # What is measured is mono at 16 kHz.
    mono = resample(stereo.mean(dim=0, keepdim=True), 44_100, 16_000)[:, :4800]
    assert (baseline(["a dog barks"], [5]) - mono).abs().max() <= 1e-5


@pytest.mark.parametrize("length_s", [0.1, 0.3])
def test_the_length_is_told_to_the_network(published, length_s):
    folder, _ = published("tangoflux")
    sounds = [
        load_baseline("tangoflux", model=folder, steps=1, length_s=s)(["rain"], [0])
        for s in (length_s, 0.2)
    ]
    first = min(sound.shape[-1] for sound in sounds)
    assert not torch.equal(sounds[0][:, :first], sounds[1][:, :first])
