"""Restyling against `StableDiffusionImg2ImgPipeline` with the same tiny parts."""

import copy

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline

from auffusion.denoise import SCHEDULERS, make_scheduler
from auffusion.pipeline import tiny_pipeline
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.recording import as_recording

PROMPT, STEPS, SAMPLES = "a dog barking", 10, 10_240  # 64 frames: no column is padding
STRENGTHS = [0.0, 0.1, 0.3, 0.5, 0.7, 1.0]


@pytest.fixture(scope="module")
def chirp():
    time = torch.arange(SAMPLES) / 16_000
    return 0.3 * torch.sin(2 * torch.pi * (300 + 900 * time) * time)


def oracle(pipeline, sound, strength):
    """diffusers' latents, and how often it asked the network."""
    unet = copy.deepcopy(pipeline.unet)
    unet.register_to_config(sample_size=64)  # this class compares it with a number
    theirs = StableDiffusionImg2ImgPipeline(
        **{name: getattr(pipeline, name) for name in ("vae", "text_encoder", "tokenizer")},
        unet=unet,
        scheduler=copy.deepcopy(pipeline.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    chain = Chain(pipeline)
    calls = counting(unet)
    latents = theirs(
        PROMPT,
        image=as_recording(sound, 16_000, chain).image(chain),
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
    ).images
    return latents, len(calls)


def ours(pipeline, sound, strength):
    calls = counting(pipeline.unet)
    latents = pipeline.restyle(
        sound,
        16_000,
        PROMPT,
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        seed=3,
        output_type="latent",
    ).latents
    return latents, len(calls)


def counting(unet):
    calls = []
    unet.register_forward_pre_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize("strength", STRENGTHS)
def test_every_strength_gives_the_same_latents_in_as_many_steps(stable_tiny, chirp, strength):
    latent, calls = ours(stable_tiny, chirp, strength)
    theirs, their_calls = oracle(stable_tiny, chirp, strength)
    assert (latent - theirs).abs().max() <= 1e-4
    # PNDM's second timestep stands twice: one call more, even at strength 0.
    assert calls == their_calls == int(STEPS * strength) + 1


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_every_scheduler_gives_the_same_latents(chirp, name):
    pipeline = tiny_pipeline(layout="stable-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(name, pipeline.scheduler.config)
    latent, calls = ours(pipeline, chirp, 0.35)
    theirs, their_calls = oracle(pipeline, chirp, 0.35)
    assert (latent - theirs).abs().max() <= 1e-4 * max(1.0, theirs.abs().max().item())
    assert calls == their_calls == 3 + (name == "pndm")
