"""Weights inside the prompts of a call."""

import pytest
import torch

from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline
from auffusion.text import equaliser


def latents(pipeline, prompt, sing, **options):
    return sing(pipeline, prompt, output_type="latent", **options).latents


def weighted_by_hand(pipeline, factors, sing, prompt, **options):
    """The same call by a processor that has nothing in common with ours."""

    class Weighted:
        def __call__(self, attn, hidden_states, encoder_hidden_states=None, **_):
            context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
            query, key, value = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
            query, key, value = map(attn.head_to_batch_dim, (query, key, value))
            maps = attn.get_attention_scores(query, key)
            if encoder_hidden_states is not None:
                maps[-len(maps) // 2 :] *= factors
            return attn.to_out[0](attn.batch_to_head_dim(maps @ value))

    before = pipeline.unet.attn_processors
    pipeline.unet.set_attn_processor(Weighted())
    try:
        return latents(pipeline, prompt, sing, **options)
    finally:
        pipeline.unet.set_attn_processor(before)


@pytest.mark.parametrize("weight", [3.0, 0.0, -2.0])
def test_a_weight_multiplies_the_attention_to_its_word(shared_tiny, sing, weight):
    ours = latents(shared_tiny, f"a man (chopping:{weight}) wood", sing)
    factors = equaliser(shared_tiny.text, "a man chopping wood", {"chopping": weight})
    by_hand = weighted_by_hand(shared_tiny, factors, sing, "a man chopping wood")
    plain = latents(shared_tiny, "a man chopping wood", sing)
    torch.testing.assert_close(ours, by_hand, atol=1e-4, rtol=0)
    assert (ours - plain).abs().max() > 1e-2


@pytest.mark.parametrize("prompt", ["a man (chopping) wood", "(:2) a bell (10:30)", "so (((it)"])
def test_parentheses_without_weights_are_read_as_ever(shared_tiny, sing, prompt):
    embeds = shared_tiny.text.encode([prompt]).embeds
    ours = latents(shared_tiny, prompt, sing)
    assert torch.equal(ours, latents(shared_tiny, None, sing, prompt_embeds=embeds))


def test_a_weight_of_one_changes_no_bit(shared_tiny, sing):
    plain = latents(shared_tiny, "a man chopping wood", sing)
    assert torch.equal(latents(shared_tiny, "a man (chopping:1.0) wood", sing), plain)


def test_without_weights_the_network_is_left_alone(shared_tiny, sing):
    processors = set(map(id, shared_tiny.unet.attn_processors.values()))
    during = []
    hook = shared_tiny.unet.register_forward_pre_hook(
        lambda unet, _: during.append(set(map(id, unet.attn_processors.values())) == processors)
    )
    latents(shared_tiny, "a man (chopping) wood", sing)
    assert all(during)
    latents(shared_tiny, "a man (chopping:2) wood", sing)
    hook.remove()
    assert not all(during)
    assert set(map(id, shared_tiny.unet.attn_processors.values())) == processors


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_prompts_of_a_batch_have_weights_of_their_own(shared_tiny, sing, scale):
    prompts = ["a (dog:3) barking", "rain", "a dog (barking:-1)"]
    options = {"guidance_scale": scale}
    together = latents(shared_tiny, prompts, sing, seeds=[1, 2, 3], **options)
    for index, prompt in enumerate(prompts):
        alone = latents(shared_tiny, prompt, sing, seeds=[index + 1], **options)
        torch.testing.assert_close(together[index], alone[0], atol=1e-4, rtol=0)


def test_each_sound_of_a_prompt_has_its_weights(shared_tiny, sing):
    several = latents(
        shared_tiny,
        ["a (dog:3) bark", "rain"],
        sing,
        num_waveforms_per_prompt=2,
        seeds=[1, 2, 3, 4],
    )
    for index, prompt in enumerate(["a (dog:3) bark", "a (dog:3) bark", "rain", "rain"]):
        alone = latents(shared_tiny, prompt, sing, seeds=[index + 1])
        torch.testing.assert_close(several[index], alone[0], atol=1e-4, rtol=0)


def test_a_sound_longer_than_the_window_is_weighted_all_along(shared_tiny, sing):
    plain, weighted = (
        latents(shared_tiny, prompt, sing, audio_length_in_s=4.0)
        for prompt in ("a dog barking", "a (dog:4.0) barking")
    )
    assert weighted.shape[-1] == 50
    assert ((weighted - plain).abs().amax(dim=(0, 1, 2)) > 1e-3).all()


def test_every_text_encoder_is_weighted(sing):
    pipeline = tiny_pipeline(encoders=("clap", "t5"))
    ours = latents(pipeline, "a (dog:3.0) barking", sing)
    factors = equaliser(pipeline.text, "a dog barking", {"dog": 3.0})
    assert (factors[:77] == 3).any()
    assert (factors[77:] == 3).any()
    by_hand = weighted_by_hand(pipeline, factors, sing, "a dog barking")
    torch.testing.assert_close(ours, by_hand, atol=1e-4, rtol=0)


def test_a_prompt_that_is_cut_tells_what_was_lost_without_the_syntax(shared_tiny, sing):
    with pytest.warns(UserWarning, match="cut off"):
        result = sing(shared_tiny, "(rain:2) " * 40)
    assert result.truncated[0].strip().split(" ")[-1] == "rain"


def test_a_weight_in_a_negative_prompt_is_refused(shared_tiny, sing):
    with pytest.raises(InputError, match="which only prompts can have"):
        sing(shared_tiny, "rain", negative_prompt="a (dog:2)")
    plain = sing(shared_tiny, "rain", negative_prompt="a (dog)", output_type="latent")
    assert plain.latents.isfinite().all()


def test_a_weight_within_a_weight_is_refused(shared_tiny, sing):
    with pytest.raises(InputError, match="a weight stands within"):
        sing(shared_tiny, "a (big (dog:2):3)")
