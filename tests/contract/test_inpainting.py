"""Inpainting against `StableDiffusionInpaintPipeline` with a U-Net of four channels."""

import copy

import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline

from auffusion.denoise import SCHEDULERS, make_scheduler
from auffusion.pipeline import tiny_pipeline
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.randomness import choose_randomness
from auffusion.pipeline.recording import as_recording

PROMPT, STEPS, SAMPLES = "a dog barking", 5, 10_240  # 64 frames: no column is padding
START_S, END_S = 0.16, 0.48  # frames 16 to 48: whole columns of the latent
# They draw noise in each step, and diffusers draws once more before, for a picture it never uses.
DRAWING = {"ddpm", "euler-a", "lcm"}


@pytest.fixture(scope="module")
def chirp():
    time = torch.arange(SAMPLES) / 16_000
    return 0.3 * torch.sin(2 * torch.pi * (300 + 900 * time) * time)


def oracle(pipeline, sound, strength):
    unet = copy.deepcopy(pipeline.unet)
    unet.register_to_config(sample_size=64)  # this class compares it with a number
    theirs = StableDiffusionInpaintPipeline(
        **{name: getattr(pipeline, name) for name in ("vae", "text_encoder", "tokenizer")},
        unet=unet,
        scheduler=copy.deepcopy(pipeline.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    chain = Chain(pipeline)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48] = 1.0
    return theirs(
        PROMPT,
        image=as_recording(sound, 16_000, chain).image(chain),
        mask_image=mask,
        height=64,
        width=64,
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
    ).images


def ours(pipeline, sound, strength):
    return pipeline.inpaint(
        sound,
        16_000,
        PROMPT,
        intervals=[(START_S, END_S)],
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        seed=3,
    ).latents


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize("name", sorted(set(SCHEDULERS) - DRAWING))
def test_every_scheduler_and_strength_gives_the_same_latents(chirp, name, strength):
    pipeline = tiny_pipeline(layout="stable-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(name, pipeline.scheduler.config)
    theirs = oracle(pipeline, chirp, strength)
    latents = ours(pipeline, chirp, strength)
    assert (latents - theirs).abs().max() <= 1e-4 * max(1.0, theirs.abs().max().item())


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_kept_latents_are_those_of_the_recording(stable_tiny, chirp, name):
    pipeline = copy.copy(stable_tiny)
    pipeline.scheduler = make_scheduler(name, stable_tiny.scheduler.config)
    chain = Chain(pipeline)
    generator = choose_randomness(1, seeds=[3]).generators[0]
    known = as_recording(chirp, 16_000, chain).latent(chain, generator)
    latents = ours(pipeline, chirp, 0.6)
    assert torch.equal(latents[..., :2], known[..., :2])
    assert torch.equal(latents[..., 6:], known[..., 6:])
    assert (latents[..., 2:6] - known[..., 2:6]).abs().mean() > 0.1
