"""Swap, refine and reweight as users call them."""

import pytest
import torch

from auffusion.denoise import SCHEDULERS, make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionOutput, tiny_pipeline

SHORT = {"num_inference_steps": 3, "audio_length_in_s": 0.64, "output_type": "latent"}
SOURCE, TARGET = "a dog barking", "a bird singing"


def plain(pipeline, prompts, seeds, **options):
    """The same batch without an edit: its shape decides the last bits."""
    return pipeline(prompts, seeds=seeds, **(SHORT | options)).latents


def edits(pipeline, **options):
    """Each kind of edit of one source."""
    call = SHORT | options
    yield pipeline.swap(SOURCE, TARGET, **call).latents
    yield pipeline.refine(SOURCE, "a loud dog barking", **call).latents
    yield pipeline.reweight(SOURCE, {"dog": 3.0}, **call).latents


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_the_source_is_untouched_to_the_bit_and_the_edit_is_not(shared_tiny, scale):
    source = plain(shared_tiny, [SOURCE] * 2, [5, 5], guidance_scale=scale)[0]
    for made in edits(shared_tiny, seed=5, guidance_scale=scale):
        assert torch.equal(made[0], source)
        assert (made[1] - made[0]).abs().max() > 1e-2


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_with_every_sampler_what_changes_nothing_is_the_source(name):
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(name, pipeline.scheduler.config)
    made = pipeline.reweight(SOURCE, [{"dog": 1.0}, {"dog": -1.0}], seed=2, **SHORT).latents
    assert torch.equal(made[1], made[0])
    assert (made[2] - made[0]).abs().max() > 1e-3
    assert torch.equal(made[0], plain(pipeline, [SOURCE] * 3, [2, 2, 2])[0])
    swapped = pipeline.swap(SOURCE, SOURCE, seed=2, **SHORT).latents
    assert torch.equal(swapped[1], swapped[0])


def test_an_edit_is_the_same_alone_and_among_others(shared_tiny):
    targets = [TARGET, "a cow mooing", "a dog barking"]
    together = shared_tiny.swap(SOURCE, targets, **SHORT).latents
    assert len(together) == 4
    for index, target in enumerate(targets, start=1):
        alone = shared_tiny.swap(SOURCE, target, **SHORT).latents
        torch.testing.assert_close(together[index], alone[1], atol=1e-4, rtol=0)


def test_without_its_windows_a_swap_is_the_other_prompt(shared_tiny):
    free = {"cross_replace_steps": 0, "self_replace_steps": 0}
    made = shared_tiny.swap(SOURCE, TARGET, seed=4, **free, **SHORT).latents
    assert torch.equal(made, plain(shared_tiny, [SOURCE, TARGET], [4, 4]))


def test_the_longer_its_windows_the_nearer_a_swap_is_to_the_source(shared_tiny):
    call = SHORT | {"num_inference_steps": 6}
    made = [
        shared_tiny.swap(
            SOURCE, TARGET, cross_replace_steps=share, self_replace_steps=share, **call
        ).latents
        for share in (0.0, 0.5, 1.0)
    ]
    far, between, near = ((one[1] - one[0]).square().mean() for one in made)
    assert far > between > near


def test_noise_is_shared_unless_it_is_not_to_be(shared_tiny):
    free = {"cross_replace_steps": 0, "self_replace_steps": 0, "seed": 7}
    apart = shared_tiny.swap(SOURCE, TARGET, shared_noise=False, **free, **SHORT).latents
    assert torch.equal(apart, plain(shared_tiny, [SOURCE, TARGET], [7, 8]))


def test_noise_can_be_given_once_or_for_each(shared_tiny):
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    call = {"num_inference_steps": 2, "output_type": "latent"}
    for given, expected in ((noise[:1], noise[:1].repeat(2, 1, 1, 1)), (noise, noise)):
        made = shared_tiny.swap(SOURCE, TARGET, latents=given, **call).latents
        source = shared_tiny([SOURCE] * 2, latents=expected, **call).latents[0]
        assert torch.equal(made[0], source)
    with pytest.raises(InputError, match="do not fit"):
        shared_tiny.swap(SOURCE, TARGET, latents=noise.repeat(2, 1, 1, 1), **call)


def test_weights_of_a_target_are_those_of_a_reweighting_behind_the_swap(shared_tiny):
    whole = {"cross_replace_steps": 1.0, "self_replace_steps": 0.4}
    inline = shared_tiny.swap(SOURCE, "a (dog:3.0) barking", **whole, **SHORT).latents
    named = shared_tiny.reweight(SOURCE, {"dog": 3.0}, **whole, **SHORT).latents
    torch.testing.assert_close(inline, named, atol=1e-5, rtol=0)


def test_weights_by_index_and_by_word_are_the_same(shared_tiny):
    by_word, by_index = (
        shared_tiny.reweight(SOURCE, weights, **SHORT).latents
        for weights in ({"dog": 2.0}, {1: 2.0})
    )
    assert torch.equal(by_word, by_index)


def test_the_output_is_that_of_a_call(shared_tiny):
    call = SHORT | {"output_type": "np"}
    made = shared_tiny.swap(SOURCE, TARGET, seed=3, **call)
    assert isinstance(made, AuffusionOutput)
    assert made.audios.shape == (2, 10_240)
    assert made.seeds == (3, 3)
    assert made.truncated == ("", "")


def test_a_sound_longer_than_the_window_is_edited_all_along(shared_tiny):
    call = {"num_inference_steps": 2, "audio_length_in_s": 4.0, "output_type": "latent"}
    for made in edits(shared_tiny, **call):
        assert made.shape == (2, 4, 8, 50)
        assert ((made[1] - made[0]).abs().amax(dim=(0, 1)) > 1e-4).all()
    source = shared_tiny([SOURCE] * 2, seeds=[0, 0], **call).latents[0]
    assert torch.equal(made[0], source)


@pytest.mark.parametrize("seconds", [0.64, 4.0])
def test_local_blending_leaves_a_part_of_the_source_to_the_bit(shared_tiny, seconds):
    call = {"num_inference_steps": 2, "audio_length_in_s": seconds, "output_type": "latent"}
    # The maps of a random network are nearly flat: what lies above 0.9 of the largest is a part.
    made = shared_tiny.swap(SOURCE, TARGET, local_blend=True, blend_threshold=0.9, **call).latents
    same = (made[1] == made[0]).all(dim=0)
    assert 0 < same.float().mean() < 1
    named = shared_tiny.swap(
        SOURCE,
        TARGET,
        local_blend=[["dog", "barking"], ["bird", "singing"]],
        blend_threshold=0.9,
        **call,
    ).latents
    assert torch.equal(named, made)


def test_local_blending_looks_at_what_each_edit_changes(shared_tiny):
    call = {"local_blend": True, "blend_threshold": 0.9} | SHORT
    refined = shared_tiny.refine(SOURCE, "a loud dog barking", **call).latents
    by_name = shared_tiny.refine(
        SOURCE, "a loud dog barking", **(call | {"local_blend": [[], "loud"]})
    ).latents
    assert torch.equal(refined, by_name)
    weighted = shared_tiny.reweight(SOURCE, [{"dog": 3.0}, {"a": 2.0}], **call).latents
    by_name = shared_tiny.reweight(
        SOURCE, [{"dog": 3.0}, {"a": 2.0}], **(call | {"local_blend": [["dog", "a"], "dog", "a"]})
    ).latents
    assert torch.equal(weighted, by_name)


def test_the_network_is_as_before_whatever_happens(shared_tiny):
    before = shared_tiny.unet.attn_processors
    list(edits(shared_tiny))

    def stop(*_):
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        shared_tiny.swap(SOURCE, TARGET, on_step=stop, **SHORT)
    after = shared_tiny.unet.attn_processors
    assert all(after[name] is before[name] for name in before)
    assert not shared_tiny.unet._forward_pre_hooks


def test_each_step_is_told(shared_tiny):
    seen = []

    def note(index, _, latent):
        seen.append(index)
        return latent

    shared_tiny.swap(SOURCE, TARGET, on_step=note, **SHORT)
    assert seen == [0, 1, 2, 3]  # PNDM's one more


@pytest.fixture(scope="module")
def recording():
    return torch.sin(torch.arange(10_240) * 0.2) * torch.linspace(0, 1, 10_240)


@pytest.mark.parametrize("method", ["ddim", "null-text", "ddpm"])
def test_a_recording_stands_in_the_place_of_the_source(shared_tiny, recording, method):
    options = {"iterations": 1} if method == "null-text" else {}
    inversion = shared_tiny.invert(
        recording, 16_000, SOURCE, method=method, num_inference_steps=4, **options
    )
    made = shared_tiny.swap(SOURCE, TARGET, inversion=inversion, output_type="latent").latents
    found = (made[0] - inversion.latent[0]).square().mean().sqrt()
    assert found.item() == pytest.approx(inversion.error.latent, abs=1e-4)
    assert (made[1] - made[0]).abs().max() > 1e-2
    same = shared_tiny.swap(SOURCE, SOURCE, inversion=inversion, output_type="latent").latents
    assert torch.equal(same[1], same[0])
    heard = shared_tiny.reweight(SOURCE, {"dog": 2.0}, inversion=inversion).audios
    assert heard.shape == (2, 10_240)


def test_what_an_inversion_decided_cannot_be_said_again(shared_tiny, recording):
    inversion = shared_tiny.invert(recording, 16_000, SOURCE, num_inference_steps=2)
    with pytest.raises(InputError, match="num_inference_steps was decided when"):
        shared_tiny.swap(SOURCE, TARGET, inversion=inversion, num_inference_steps=3)
    with pytest.raises(InputError, match="both must be the same"):
        shared_tiny.swap("a dog howling", TARGET, inversion=inversion)
    with pytest.raises(InputError, match="weights belong to the prompts of its edits"):
        shared_tiny.invert(recording, 16_000, "a (dog:2)", num_inference_steps=2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target": []}, "give at least one"),
        ({"target": "a very loud dog barking"}, "use refine"),
        ({"cross_replace_steps": 1.2}, "step window"),
        ({"cross_replace_steps": {"cow": 0.5}}, "which no prompt contains"),
        ({"cross_replace_steps": 9}, "beyond the 4 steps"),
        ({"local_blend": ["dog"]}, "for 1 items, and there are 2"),
        ({"local_blend": True, "target": SOURCE}, "no word is changed"),
        ({"local_blend": True, "blend_height": 3}, "on grids of 8 rows, not of 3"),
        ({"local_blend": ["cat", "bird"]}, "has no word 'cat'"),
        ({"guidance_scale": float("nan")}, "finite"),
        ({"seed": -1}, "out of range"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(shared_tiny, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        shared_tiny.swap(SOURCE, **({"target": TARGET} | SHORT | arguments))


def test_a_weight_without_its_word_is_refused(shared_tiny):
    with pytest.raises(InputError, match="has no word 'cow'"):
        shared_tiny.reweight(SOURCE, {"cow": 2.0}, **SHORT)
