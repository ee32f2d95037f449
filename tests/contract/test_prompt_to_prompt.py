"""Word swap, re-weighting and local blending against the published method, written out explicitly.

The second opinion is `benchmarks/explicit_attention.py` in diffusers' own pipeline: its loop, its
guidance, its scheduler, explicit attention in every layer, and nothing of ours but the alignment,
which is held to hand-made expectations elsewhere.
"""

import copy
import sys
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline

from auffusion.denoise import seeded_noise
from auffusion.text import align_prompts, equaliser, word_rows

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from explicit_attention import Controller, blended, install

STEPS, CROSS, OWN = 6, 0.7, 0.5
SIZE = {"height": 64, "width": 128}
LENGTH_S = 1.28
PROMPTS = ["a dog barking in a hall", "a bird singing in a hall", "a mouse barking in a room"]
CALL = {"cross_replace_steps": CROSS, "self_replace_steps": OWN, "seed": 3}
CALL |= {"num_inference_steps": STEPS, "audio_length_in_s": LENGTH_S, "output_type": "latent"}


def explicit(pipeline, prompts, factors, *, blend=None, scale=7.5):
    """The published method's latents, and the controller."""
    text = pipeline.text
    moved = torch.stack([align_prompts(text, prompts[0], other).moved for other in prompts[1:]])
    controller = Controller(len(prompts), STEPS, cross=CROSS, own=OWN, moved=moved, factors=factors)
    reference = StableDiffusionPipeline(
        vae=pipeline.vae,
        text_encoder=pipeline.text_encoder,
        tokenizer=pipeline.tokenizer,
        unet=pipeline.unet,
        scheduler=copy.deepcopy(pipeline.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    reference.set_progress_bar_config(disable=True)

    def after_each_step(_, __, ___, tensors):
        if blend is None:
            return {}
        return {"latents": blended(tensors["latents"], controller, blend, height=8, threshold=0.9)}

    restore = install(pipeline.unet, controller)
    try:
        latents = reference(
            prompts,
            latents=seeded_noise([3], (4, 8, 16)).repeat(len(prompts), 1, 1, 1),
            num_inference_steps=STEPS,
            guidance_scale=scale,
            output_type="latent",
            callback_on_step_end=after_each_step,
            **SIZE,
        ).images
    finally:
        restore()
    return latents, controller


def ones(items):
    return torch.ones(items, 77)


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_a_word_swap_is_the_published_one(stable_tiny, scale):
    ours = stable_tiny.swap(PROMPTS[0], PROMPTS[1:], guidance_scale=scale, **CALL).latents
    theirs, controller = explicit(stable_tiny, PROMPTS, ones(2), scale=scale)
    assert controller.step == STEPS + 1  # of PNDM
    assert (ours - theirs).abs().max() <= 1e-4
    assert (ours[1:] - ours[0]).abs().amax(dim=(1, 2, 3)).min() > 1e-2


@torch.no_grad()
@pytest.mark.parametrize("weight", [4.0, -2.0])
def test_a_reweighting_is_the_published_one(stable_tiny, weight):
    weights = {"dog": weight, "hall": 0.0}
    ours = stable_tiny.reweight(PROMPTS[0], weights, **CALL).latents
    factors = equaliser(stable_tiny.text, PROMPTS[0], weights)[None]
    theirs, _ = explicit(stable_tiny, [PROMPTS[0]] * 2, factors)
    assert (ours - theirs).abs().max() <= 1e-4
    assert (ours[1] - ours[0]).abs().max() > 1e-2


@torch.no_grad()
def test_local_blending_is_the_published_one_in_the_latents_true_shape(stable_tiny):
    words = ["dog", "bird"]
    rows = [
        word_rows(stable_tiny.text, prompt, word)
        for prompt, word in zip(PROMPTS, words, strict=False)
    ]
    theirs, _ = explicit(stable_tiny, PROMPTS[:2], ones(1), blend=torch.stack(rows).float())
    # The maps of a random network are nearly flat: above 0.9 of the largest lies a part of them.
    ours = stable_tiny.swap(*PROMPTS[:2], local_blend=words, blend_threshold=0.9, **CALL).latents
    assert (ours - theirs).abs().max() <= 1e-4
    same = (ours[1] == ours[0]).all(dim=0)
    assert 0 < same.float().mean() < 1


@torch.no_grad()
def test_the_stored_maps_of_the_published_method_sum_to_one_at_the_source(stable_tiny):
    _, controller = explicit(stable_tiny, PROMPTS[:2], ones(1))
    for maps in controller.sums.values():
        for one in maps:
            torch.testing.assert_close(one[0].sum(-1), torch.full_like(one[0, ..., 0], STEPS + 1.0))
