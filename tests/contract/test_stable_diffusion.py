"""Text to latent and to log-mel against `StableDiffusionPipeline` with the same tiny parts."""

import copy

import pytest
import torch
from diffusers import StableDiffusionPipeline

from auffusion.denoise import SCHEDULERS, make_scheduler
from auffusion.image import MelImageCodec
from auffusion.pipeline import tiny_pipeline

LENGTH_S = 1.28
SIZE = {"height": 64, "width": 128}
PROMPT = "a dog barking"


def oracle(pipeline, *, with_text):
    """diffusers' pipeline of the same parts, its scheduler its own."""
    parts = {name: getattr(pipeline, name) for name in ("vae", "unet")}
    words = ("text_encoder", "tokenizer")
    parts |= {name: getattr(pipeline, name) if with_text else None for name in words}
    reference = StableDiffusionPipeline(
        **parts,
        scheduler=copy.deepcopy(pipeline.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    reference.set_progress_bar_config(disable=True)
    return reference


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def published_rows(pipeline, prompt):
    """The adapter layout's embedding, written out from its description."""
    tokens = pipeline.tokenizer(prompt, return_tensors="pt").input_ids
    rows = pipeline.text_encoder(tokens).last_hidden_state[0]
    padded = torch.cat([rows, torch.zeros(77 - len(rows), rows.shape[1])])
    network = pipeline.condition_adapter.network
    linear = torch.nn.functional.linear(padded, network.proj.weight, network.proj.bias)
    scale, shift = network.norm.weight, network.norm.bias
    return torch.nn.functional.layer_norm(linear, (16,), scale, shift, 1e-5)[None]


def log_mel_of(image):
    """diffusers' picture, [batch height width 3] in [0, 1], as log-mel."""
    return MelImageCodec().decode(torch.from_numpy(image).permute(0, 3, 1, 2))


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 7.5])
@pytest.mark.parametrize("rescale", [0.0, 0.7])
def test_the_adapter_layout_gives_the_same_latents(adapter_tiny, scale, rescale):
    common = {"num_inference_steps": 4, "guidance_scale": scale, "guidance_rescale": rescale}
    ours = adapter_tiny(
        PROMPT, audio_length_in_s=LENGTH_S, seeds=[3], output_type="latent", **common
    ).latents
    embeds = published_rows(adapter_tiny, PROMPT)
    theirs = oracle(adapter_tiny, with_text=False)(
        prompt_embeds=embeds,
        negative_prompt_embeds=torch.zeros_like(embeds),
        generator=seeded(),
        output_type="latent",
        **common,
        **SIZE,
    ).images
    assert (ours - theirs).abs().max() <= 1e-4


@torch.no_grad()
@pytest.mark.parametrize("negative", [None, "rain"])
def test_the_stable_diffusion_layout_gives_the_same_latents_from_text(stable_tiny, negative):
    common = {"num_inference_steps": 4, "guidance_scale": 7.5, "negative_prompt": negative}
    ours = stable_tiny(
        PROMPT, audio_length_in_s=LENGTH_S, seeds=[3], output_type="latent", **common
    ).latents
    theirs = oracle(stable_tiny, with_text=True)(
        PROMPT, generator=seeded(), output_type="latent", **common, **SIZE
    ).images
    assert (ours - theirs).abs().max() <= 1e-4


@torch.no_grad()
def test_both_layouts_give_the_same_log_mel(adapter_tiny, stable_tiny):
    for pipeline in (adapter_tiny, stable_tiny):
        ours = pipeline(
            PROMPT,
            num_inference_steps=4,
            audio_length_in_s=LENGTH_S,
            seeds=[3],
            output_type="mel",
        ).spectrograms
        rows = pipeline.text.encode([PROMPT]).embeds
        theirs = oracle(pipeline, with_text=False)(
            prompt_embeds=rows,
            negative_prompt_embeds=pipeline.text.unconditional(1),
            num_inference_steps=4,
            generator=seeded(),
            output_type="np",
            **SIZE,
        ).images
        assert (ours - log_mel_of(theirs)).abs().max() <= 1e-3


@torch.no_grad()
def test_two_encoders_give_the_same_latents():
    pipeline = tiny_pipeline(encoders=("clap", "t5"))
    pipeline.set_progress_bar_config(disable=True)
    rows = pipeline.text.encode([PROMPT]).embeds
    assert rows.shape == (1, 154, 16)
    ours = pipeline(
        PROMPT,
        num_inference_steps=3,
        audio_length_in_s=LENGTH_S,
        seeds=[3],
        output_type="latent",
    ).latents
    theirs = oracle(pipeline, with_text=False)(
        prompt_embeds=rows,
        negative_prompt_embeds=torch.zeros_like(rows),
        num_inference_steps=3,
        generator=seeded(),
        output_type="latent",
        **SIZE,
    ).images
    assert (ours - theirs).abs().max() <= 1e-4


@torch.no_grad()
@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_every_scheduler_gives_the_same_latents(name):
    pipeline = tiny_pipeline(layout="stable-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(name, pipeline.scheduler.config)
    theirs = oracle(pipeline, with_text=True)(
        PROMPT, num_inference_steps=4, generator=seeded(), output_type="latent", **SIZE
    ).images
    ours = pipeline(
        PROMPT,
        num_inference_steps=4,
        audio_length_in_s=LENGTH_S,
        generator=seeded(),
        output_type="latent",
    ).latents
    assert (ours - theirs).abs().max() <= 1e-4 * max(1.0, theirs.abs().max().item())


@torch.no_grad()
def test_a_list_of_generators_means_the_same(stable_tiny):
    call = {"num_inference_steps": 2, "output_type": "latent"}
    ours = stable_tiny(
        ["a dog", "rain"],
        generator=[seeded(1), seeded(2)],
        audio_length_in_s=LENGTH_S,
        **call,
    ).latents
    theirs = oracle(stable_tiny, with_text=True)(
        ["a dog", "rain"], generator=[seeded(1), seeded(2)], **call, **SIZE
    ).images
    assert (ours - theirs).abs().max() <= 1e-4


@torch.no_grad()
def test_several_of_a_prompt_are_ordered_as_in_diffusers(stable_tiny):
    call = {"num_inference_steps": 2, "output_type": "latent", "negative_prompt": ["x", "y"]}
    prompts = ["a dog", "rain"]
    ours = stable_tiny(
        prompts,
        num_waveforms_per_prompt=2,
        generator=seeded(),
        audio_length_in_s=LENGTH_S,
        **call,
    ).latents
    theirs = oracle(stable_tiny, with_text=True)(
        prompts, num_images_per_prompt=2, generator=seeded(), **call, **SIZE
    ).images
    assert (ours - theirs).abs().max() <= 1e-4
