"""One call, and what is inherited from diffusers."""

import math

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from auffusion.denoise import SCHEDULERS, make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionOutput, tiny_pipeline
from auffusion.pipeline.rendering import check_output_type


def difference(first, second):
    return ((first - second).abs().max() / second.abs().max()).item()


def test_a_sentence_becomes_a_sound(shared_tiny):
    result = shared_tiny("a dog", num_inference_steps=2, audio_length_in_s=1.0)
    assert isinstance(result, AuffusionOutput)
    assert result.audios.shape == (1, 16_000)
    assert result.audios.dtype == np.float32
    assert np.isfinite(result.audios).all()
    assert 0 < np.abs(result.audios).max() <= 1
    assert result.spectrograms.shape == (1, 64, 100)
    assert result.images[0].size == (100, 64)
    assert result.sampling_rate == 16_000
    assert result.seeds == (0,)
    assert result.truncated == ("",)


def test_without_a_length_it_fills_the_window(shared_tiny):
    result = shared_tiny("a dog", num_inference_steps=1, output_type="latent")
    assert result.latents.shape == (1, 4, 8, 32)


@pytest.mark.parametrize("seconds", [0.5, 0.777, 1.28])
def test_a_sound_is_exactly_as_long_as_asked_for(shared_tiny, sing, seconds):
    result = sing(shared_tiny, audio_length_in_s=seconds)
    samples = round(seconds * 16_000)
    assert result.audios.shape[-1] == samples
    assert result.spectrograms.shape[-1] == math.ceil(samples / 160)
    assert result.images.shape == (1, 3, 64, result.spectrograms.shape[-1])


def test_a_short_sound_costs_a_short_latent(shared_tiny, sing):
    widths = []
    unet = shared_tiny.unet
    handle = unet.register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0].shape[-1]))
    sing(shared_tiny, audio_length_in_s=0.5)
    handle.remove()
    # 50 frames, rounded up to the grid of 16, are 8 columns; the whole window has 32.
    assert set(widths) == {8}


def test_beyond_the_window_no_unet_call_is_wider_than_it(shared_tiny, sing):
    widths = []
    unet = shared_tiny.unet
    handle = unet.register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0].shape[-1]))
    result = sing(shared_tiny, audio_length_in_s=4.0)
    handle.remove()
    assert result.audios.shape == (1, 64_000)
    assert set(widths) == {32}


def test_a_long_sound_has_no_seam(shared_tiny, sing):
    image = sing(shared_tiny, audio_length_in_s=5.0, output_type="mel").images
    steps = (image[..., 1:] - image[..., :-1]).abs().mean(dim=(0, 1, 2))
    # A seam would be a column where the picture jumps more than it does anywhere else.
    assert steps.max() < 3 * steps.quantile(0.99)


@pytest.mark.parametrize(
    ("output_type", "filled"),
    [
        ("np", {"audios", "spectrograms", "images"}),
        ("pt", {"audios", "spectrograms", "images"}),
        ("mel", {"spectrograms", "images"}),
        ("image", {"images"}),
        ("latent", {"latents"}),
    ],
)
def test_each_output_type_fills_its_fields(shared_tiny, sing, output_type, filled):
    result = sing(shared_tiny, output_type=output_type)
    fields = {"audios", "spectrograms", "images", "latents"}
    assert {name for name in fields if getattr(result, name) is not None} == filled
    values = sing(shared_tiny, output_type=output_type, return_dict=False)
    first = next(name for name in ("audios", "spectrograms", "images", "latents") if name in filled)
    assert type(values[0]) is type(getattr(result, first))


def test_the_sound_is_that_of_the_spectrogram(shared_tiny, sing):
    result = sing(shared_tiny)
    with torch.no_grad():
        again = shared_tiny.vocoder(result.spectrograms)
    assert difference(again, result.audios) <= 1e-6


def test_a_prompt_and_a_seed_decide_the_sound(shared_tiny, sing):
    first = sing(shared_tiny, seeds=[3]).audios
    assert torch.equal(sing(shared_tiny, seeds=[3]).audios, first)
    assert not torch.equal(sing(shared_tiny, seeds=[4]).audios, first)
    assert not torch.equal(sing(shared_tiny, "a cat", seeds=[3]).audios, first)


def test_a_seed_is_the_generator_of_that_seed(shared_tiny, sing):
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(
        sing(shared_tiny, generator=generator).audios, sing(shared_tiny, seeds=[3]).audios
    )


def test_given_noise_replaces_the_seeds(shared_tiny, sing):
    noise = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3))
    given = sing(shared_tiny, latents=noise, audio_length_in_s=None)
    assert given.seeds is None
    assert torch.equal(given.audios, sing(shared_tiny, seeds=[3]).audios)


@pytest.mark.parametrize("name", ["pndm", "euler-a"])
def test_several_sounds_of_a_prompt_are_those_of_their_seeds(tiny, sing, name):
    tiny.scheduler = make_scheduler(name, tiny.scheduler.config)
    prompts = ["a dog", "rain"]
    together = sing(tiny, prompts, num_waveforms_per_prompt=2, seeds=[5, 6, 7, 8])
    assert together.truncated == ("",) * 4
    for index, seed in enumerate([5, 6, 7, 8]):
        alone = sing(tiny, prompts[index // 2], seeds=[seed])
        assert difference(together.audios[index : index + 1], alone.audios) <= 1e-4


def test_without_guidance_the_unet_sees_one_half(shared_tiny, sing):
    batches = []
    handle = shared_tiny.unet.register_forward_pre_hook(
        lambda _, inputs: batches.append(len(inputs[0]))
    )
    sing(shared_tiny, guidance_scale=1.0)
    sing(shared_tiny, guidance_scale=1.5)
    handle.remove()
    # PNDM calls once more than it has steps.
    assert batches == [1, 1, 1, 2, 2, 2]


def test_no_negative_prompt_means_what_the_layout_means(sing):
    adapter = tiny_pipeline()
    silence = torch.zeros(1, 77, 16)
    assert torch.equal(sing(adapter).audios, sing(adapter, negative_prompt_embeds=silence).audios)
    stable = tiny_pipeline(layout="stable-diffusion")
    assert torch.equal(sing(stable).audios, sing(stable, negative_prompt="").audios)


def test_one_negative_prompt_serves_all(shared_tiny, sing):
    one = sing(shared_tiny, ["a", "b"], negative_prompt="noise")
    each = sing(shared_tiny, ["a", "b"], negative_prompt=["noise", "noise"])
    assert torch.equal(one.audios, each.audios)
    assert not torch.equal(one.audios, sing(shared_tiny, ["a", "b"]).audios)


def test_embeddings_stand_for_prompts(shared_tiny, sing):
    embeds = shared_tiny.text.encode(["a dog"]).embeds
    assert torch.equal(
        sing(shared_tiny, None, prompt_embeds=embeds).audios, sing(shared_tiny).audios
    )


def test_rescaled_guidance_changes_the_sound(shared_tiny, sing):
    assert not torch.equal(sing(shared_tiny, guidance_rescale=0.7).audios, sing(shared_tiny).audios)


def test_a_prompt_too_long_is_cut_and_the_result_says_so(shared_tiny, sing):
    with pytest.warns(UserWarning, match="cut off"):
        result = sing(shared_tiny, "dog " * 40)
    assert ("dog " * 40).endswith(result.truncated[0])
    assert len(result.truncated[0]) > 10


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_every_scheduler_can_be_swapped_in(tiny, sing, name):
    before = sing(tiny).audios
    own = tiny.scheduler
    tiny.scheduler = make_scheduler(name, own.config)
    swapped = sing(tiny, num_inference_steps=4).audios
    assert torch.isfinite(swapped).all()
    tiny.scheduler = own
    assert torch.equal(sing(tiny).audios, before)


def test_a_scheduler_is_swapped_as_in_diffusers(tiny, sing):
    tiny.scheduler = DDIMScheduler.from_config(tiny.scheduler.config)
    calls = []
    tiny.unet.register_forward_pre_hook(lambda *_: calls.append(1))
    certain = sing(tiny, num_inference_steps=3).audios
    assert len(calls) == 3
    assert not torch.equal(sing(tiny, num_inference_steps=3, eta=1.0).audios, certain)


def test_a_lora_changes_the_sound_and_leaves_without_a_trace(tiny, sing):
    before = sing(tiny).audios
    donor = tiny_pipeline()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        donor.unet.add_adapter(
            LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
        )
    layers = {f"unet.{k}": v for k, v in get_peft_model_state_dict(donor.unet).items()}
    tiny.load_lora_weights(layers)
    with_lora = sing(tiny).audios
    assert not torch.equal(with_lora, before)
    quieter = sing(tiny, cross_attention_kwargs={"scale": 0.0}).audios
    assert difference(quieter, before) <= 1e-5
    tiny.unload_lora_weights()
    assert torch.equal(sing(tiny).audios, before)


def test_slicing_the_vae_changes_nothing(tiny, sing):
    before = sing(tiny, ["a", "b"]).audios
    tiny.enable_vae_slicing()
    assert tiny.vae.use_slicing
    assert difference(sing(tiny, ["a", "b"]).audios, before) <= 1e-5
    tiny.disable_vae_slicing()
    assert not tiny.vae.use_slicing


def test_offloading_visits_every_network_and_changes_nothing(tiny, sing):
    before = sing(tiny).audios
    tiny.enable_model_cpu_offload(device="cpu")
    visited = set()
    for name, part in tiny.components.items():
        if isinstance(part, torch.nn.Module):
            hook, moved = part._hf_hook, part._hf_hook.pre_forward

            def seen(*args, name=name, moved=moved, **kwargs):
                visited.add(name)
                return moved(*args, **kwargs)

            hook.pre_forward = seen
    assert torch.equal(sing(tiny).audios, before)
    assert visited == {"text_encoder", "condition_adapter", "unet", "vae", "vocoder"}


def test_it_moves_to_a_lower_precision(tiny, sing):
    before = sing(tiny, output_type="latent").latents
    tiny.to(torch.bfloat16)
    result = sing(tiny, output_type="latent").latents
    assert result.dtype == torch.bfloat16
    # Eight bits of mantissa: two to three digits, through a few dozen layers.
    assert difference(result.float(), before) < 0.2
    assert sing(tiny).audios.dtype == torch.float32


def test_a_callback_sees_each_step_and_may_change_the_latent(shared_tiny, sing):
    seen = []

    def watch(_pipeline, step, timestep, tensors):
        seen.append((step, int(timestep), tensors["latents"].shape))
        return tensors

    plain = sing(shared_tiny).audios
    assert torch.equal(sing(shared_tiny, callback_on_step_end=watch).audios, plain)
    assert [step for step, _, _ in seen] == [0, 1, 2]
    assert seen[0][2] == (1, 4, 8, 8)

    def silence(_pipeline, _step, _timestep, tensors):
        return {"latents": torch.zeros_like(tensors["latents"])}

    result = sing(shared_tiny, callback_on_step_end=silence, output_type="latent")
    assert result.latents.abs().max() == 0


def test_a_callback_may_change_the_words_half_way(shared_tiny, sing):
    other = shared_tiny.text.encode(["rain"]).embeds

    def replace(_pipeline, _step, _timestep, tensors):
        assert tensors["prompt_embeds"].shape == (2, 77, 16)
        return {"prompt_embeds": torch.cat([tensors["prompt_embeds"][:1], other])}

    changed = sing(
        shared_tiny,
        callback_on_step_end=replace,
        callback_on_step_end_tensor_inputs=["prompt_embeds"],
    )
    assert not torch.equal(changed.audios, sing(shared_tiny).audios)


def test_progress_is_shown_as_in_diffusers(capsys):
    pipeline = tiny_pipeline()
    pipeline("a dog", num_inference_steps=2, audio_length_in_s=0.5, output_type="latent")
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"prompt": None}, "exactly one of prompt and prompt_embeds"),
        ({"prompt_embeds": torch.zeros(1, 77, 16)}, "exactly one of"),
        ({"prompt": []}, "no prompt in the list"),
        ({"negative_prompt": ["a", "b"]}, "2 negative prompts were given for 1"),
        ({"negative_prompt": "a", "negative_prompt_embeds": torch.zeros(1, 77, 16)}, "at most one"),
        ({"negative_prompt_embeds": torch.zeros(1, 76, 16)}, r"\[1, 76, 16\] do not match"),
        ({"audio_length_in_s": 0.1}, "out of range"),
        ({"num_inference_steps": 0}, "0 steps"),
        ({"num_inference_steps": -5}, "-5 steps"),
        ({"num_inference_steps": 1001}, "1001 steps"),
        ({"num_inference_steps": True}, "whole number"),
        ({"guidance_scale": float("nan")}, "finite"),
        ({"guidance_rescale": 1.5}, "guidance_rescale 1.5"),
        ({"eta": -1.0}, "eta -1.0"),
        ({"num_waveforms_per_prompt": 0}, "at least 1"),
        ({"seeds": [1, 2]}, "1 items need 1 seeds"),
        ({"seeds": [-1]}, "out of range"),
        ({"seeds": [0], "generator": torch.Generator()}, "not both"),
        ({"latents": torch.zeros(1, 4, 8, 32)}, r"expected \[1, 4, 8, 8\]"),
        (
            {"latents": torch.zeros(1, 4, 8, 5), "audio_length_in_s": None},
            r"\[1, 4, 8, 6\]",
        ),
        (
            {
                "callback_on_step_end": lambda *_: {},
                "callback_on_step_end_tensor_inputs": ["weights"],
            },
            "cannot see 'weights'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(shared_tiny, sing, arguments, complaint):
    arguments = {"prompt": "a dog", **arguments}
    with pytest.raises(InputError, match=complaint):
        sing(shared_tiny, **arguments)


def test_an_unknown_output_type_is_refused():
    # The call itself is annotated with the types there are, which the tests check first.
    with pytest.raises(InputError, match="output_type 'wav' is unknown"):
        check_output_type("wav")


def test_weights_that_are_no_numbers_do_not_become_silence(tiny, sing):
    with torch.no_grad():
        tiny.unet.conv_out.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        sing(tiny)
