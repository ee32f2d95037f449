"""Recordings walked back to noise and home again, through the real door with a real U-Net."""

from pathlib import Path

import pytest
import torch
from edit.gaussians import scheduler

from auffusion.audio import read_audio
from auffusion.denoise import ClassifierFreeGuidance, make_scheduler
from auffusion.errors import InputError
from auffusion.pipeline import AuffusionPipeline, tiny_pipeline
from auffusion.pipeline.chain import Chain
from auffusion.pipeline.conditioning import Wording
from auffusion.pipeline.inversion import check_inversion

SOUNDS = Path(__file__).parents[1] / "sounds"
RATE = 16_000
PROMPT = "a bell rings"


def recording(seconds=0.64, seed=1):
    time = torch.arange(int(seconds * RATE)) / RATE
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    return 0.3 * torch.sin(880 * 6.283 * time) * torch.exp(-4 * time) + 0.02 * noise


def home(pipeline, inversion, items=1):
    """The latents that the walk of an inversion leads to, as an edit walks it."""
    chain = Chain(pipeline)
    wording = Wording(prompt=[inversion.prompt] * items, negative_prompt=inversion.negative_prompt)
    conditioning = chain.condition(wording, guided=inversion.sampling.guided)
    guidance = chain.guidance(conditioning, inversion.sampling)
    return chain.denoise(inversion.guided(guidance), inversion.walk, inversion.starts(items))


def predicting(prediction):
    pipeline = tiny_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler("dpm++", scheduler(prediction).config)
    return pipeline


@pytest.mark.parametrize(
    ("prediction", "scale", "strength"),
    [("epsilon", 7.5, 1.0), ("v_prediction", 7.5, 0.5), ("v_prediction", 1.0, 1.0)],
)
def test_the_noise_of_ddpm_leads_back_exactly(prediction, scale, strength):
    pipeline = predicting(prediction)
    inversion = pipeline.invert(
        recording(),
        RATE,
        PROMPT,
        method="ddpm",
        num_inference_steps=8,
        guidance_scale=scale,
        strength=strength,
    )
    assert len(inversion.walk.timesteps) == 8 * strength
    assert (home(pipeline, inversion) - inversion.latent).abs().max() <= 1e-4
    # The last bits of a larger batch differ, and an untrained network under guidance blows them up.
    assert (home(pipeline, inversion, 2) - inversion.latent).abs().max() <= 5e-3
    assert inversion.error.latent <= 1e-4
    assert inversion.error.log_mel_db == pytest.approx(inversion.error.codec_db, abs=1e-3)


def test_ddim_finds_the_recording_the_better_the_longer_it_asks():
    pipeline = tiny_pipeline(layout="stable-diffusion")
    pipeline.set_progress_bar_config(disable=True)
    # An untrained network is no smooth field: the whole walk would be chaos, its end is none.
    errors = [
        pipeline.invert(
            recording(),
            RATE,
            PROMPT,
            method="ddim",
            num_inference_steps=50,
            strength=0.2,
            iterations=iterations,
        ).error.latent
        for iterations in (0, 2, 8)
    ]
    assert errors[0] > 1.5 * errors[1] > 1.5 * 1.5 * errors[2]


def test_null_text_keeps_guidance_nearer_to_the_recording_than_ddim(shared_tiny):
    pipeline = shared_tiny
    settings = {"num_inference_steps": 10, "guidance_scale": 7.5, "strength": 0.5}
    ddim = pipeline.invert(recording(), RATE, PROMPT, method="ddim", iterations=0, **settings)
    fitted = pipeline.invert(recording(), RATE, PROMPT, method="null-text", **settings)
    assert torch.equal(ddim.start, fitted.start)
    assert fitted.error.latent < 0.8 * ddim.error.latent
    assert set(fitted.nulls) == set(fitted.walk.timesteps.tolist())
    for weight in pipeline.unet.parameters():
        assert weight.requires_grad
        assert weight.grad is None


def test_the_error_told_is_that_of_the_walk(shared_tiny):
    inversion = shared_tiny.invert(
        recording(), RATE, PROMPT, method="ddim", num_inference_steps=4, guidance_scale=3.0
    )
    apart = home(shared_tiny, inversion) - inversion.latent
    assert inversion.error.latent == pytest.approx(apart.square().mean().sqrt().item(), rel=1e-4)
    assert inversion.error.latent > 0.01
    told = str(inversion.error)
    assert told.startswith(f"reconstruction error {inversion.error.latent:.4f} in the latent")
    assert f"{inversion.error.log_mel_db:.2f} dB in the log-mel" in told


def test_a_sound_wider_than_the_window_is_walked_in_windows(shared_tiny):
    for method, settings in (("ddpm", {}), ("null-text", {"iterations": 1})):
        inversion = shared_tiny.invert(
            recording(3.0),
            RATE,
            PROMPT,
            method=method,
            num_inference_steps=2,
            guidance_scale=2.0,
            **settings,
        )
        assert inversion.start.shape[-1] == 38
        if method == "ddpm":
            assert (home(shared_tiny, inversion) - inversion.latent).abs().max() <= 1e-4


def test_a_recording_of_another_rate_and_stereo_is_the_same_sound(shared_tiny):
    settings = {"method": "ddpm", "num_inference_steps": 2}
    mono = shared_tiny.invert(recording(), RATE, PROMPT, **settings)
    stereo = shared_tiny.invert(recording().repeat(2, 1).numpy(), RATE, PROMPT, **settings)
    assert torch.equal(mono.latent, stereo.latent)
    assert mono.recording.samples == int(0.64 * RATE)


def test_steps_are_told(shared_tiny):
    counts = {}
    for method in ("ddim", "null-text", "ddpm"):
        counts[method] = 0

        def on_step(index, timestep, latent, method=method):  # noqa: ARG001
            counts[method] += 1
            return latent

        shared_tiny.invert(
            recording(),
            RATE,
            PROMPT,
            method=method,
            num_inference_steps=3,
            guidance_scale=2.0,
            on_step=on_step,
        )
    assert counts == {"ddim": 6, "null-text": 9, "ddpm": 6}


def test_the_guidance_of_an_edit_must_be_that_of_the_inversion(shared_tiny):
    inversion = shared_tiny.invert(
        recording(), RATE, PROMPT, method="ddpm", num_inference_steps=2, guidance_scale=3.0
    )
    other = ClassifierFreeGuidance(lambda *_: None, torch.zeros(1, 2, 3), None, 1.0)
    with pytest.raises(InputError, match=r"inverted for guidance 3\.0, so that an edit with 1\.0"):
        inversion.guided(other)


def test_ddim_is_without_guidance_and_the_others_have_the_models_own(shared_tiny):
    settings = {"num_inference_steps": 2}
    ddim = shared_tiny.invert(recording(), RATE, PROMPT, method="ddim", **settings)
    ddpm = shared_tiny.invert(recording(), RATE, PROMPT, method="ddpm", **settings)
    assert (ddim.sampling.scale, ddpm.sampling.scale) == (1.0, 7.5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"strength": 0.0}, "a strength of 0.0 is out of range"),
        ({"strength": float("nan")}, "a strength of nan is out of range"),
        ({"method": "ddpm", "iterations": 1}, "1 iterations make no sense for the method ddpm"),
        ({"method": "null-text", "guidance_scale": 1.0}, "a scale of 1.0 is no guidance"),
        ({"method": "null-text", "iterations": 0}, "0 iterations"),
        ({"num_inference_steps": 501}, "501 steps cannot be made"),
        ({"seed": -1}, "the seed -1 is out of range"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(shared_tiny, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        shared_tiny.invert(recording(), RATE, PROMPT, **{"num_inference_steps": 2, **arguments})


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="'plms': choose one of ddim, null-text, ddpm"):
        check_inversion("plms")


def test_a_distilled_model_is_refused():
    pipeline = predicting("epsilon")
    pipeline.scheduler = make_scheduler("lcm", pipeline.scheduler.config)
    with pytest.raises(InputError, match="LCMScheduler jumps to its result"):
        pipeline.invert(recording(), RATE, PROMPT)


@pytest.fixture(scope="module")
def embedded():
    pipeline = AuffusionPipeline.from_pretrained("embedded")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_a_real_recording_is_found_back_by_a_trained_model(embedded):
    phone = read_audio(SOUNDS / "phone.flac", sample_rate=RATE)[:, : RATE // 2]

    def error(**settings):
        made = embedded.invert(phone, RATE, "a phone ringing", num_inference_steps=5, **settings)
        return made.error.latent

    plain, asked = error(method="ddim", iterations=0), error(method="ddim")
    guided = error(method="ddim", iterations=0, guidance_scale=5.0)
    fitted = error(method="null-text", guidance_scale=5.0, iterations=4)
    assert asked < 0.6 * plain < 0.6 * guided
    assert fitted < 0.85 * guided
    assert error(method="ddpm") <= 1e-4
