"""Restyling: strengths do not know of each other, and the loudness stays."""

import numpy as np
import pytest
import torch

from auffusion.audio import resample
from auffusion.errors import InputError

SAMPLES = 10_240
PROMPT = "a dog"


@pytest.fixture(scope="module")
def chirp():
    time = torch.arange(SAMPLES) / 16_000
    return 0.05 * torch.sin(2 * torch.pi * (300 + 900 * time) * time)


def restyled(pipeline, sound, rate=16_000, **given):
    settings = {"num_inference_steps": 4, "output_type": "pt", "strength": 0.5, **given}
    return pipeline.restyle(sound, rate, PROMPT, **settings)


def test_a_strength_gives_the_same_samples_alone_as_among_others(shared_tiny, chirp):
    alone = restyled(shared_tiny, chirp, strength=0.5, seed=7)
    among = restyled(shared_tiny, chirp, strength=[1.0, 0.5, 0.0], seed=7)
    assert among.audios.shape == (3, SAMPLES)
    assert torch.equal(among.audios[1], alone.audios[0])
    assert among.seeds == (7, 7, 7)


def test_more_strength_leads_further_away(shared_tiny, chirp):
    latents = restyled(
        shared_tiny, chirp, strength=[0.0, 0.3, 0.6, 1.0], num_inference_steps=10,
        guidance_scale=1.0, output_type="latent",
    ).latents  # fmt: skip
    apart = (latents[1:] - latents[0]).square().mean(dim=(1, 2, 3)).tolist()
    assert apart == sorted(apart)


def test_the_loudness_is_the_recording_s(shared_tiny, chirp):
    for loudness in (0.02, 0.5):
        sound = chirp / chirp.square().mean().sqrt() * loudness
        made = restyled(shared_tiny, sound.clamp(-1, 1), strength=[0.2, 0.9]).audios
        wanted = sound.clamp(-1, 1).square().mean().sqrt().item()
        for one in made:
            level = one.square().mean().sqrt().item()
            assert level == pytest.approx(wanted, rel=1e-3) or one.abs().max().item() == (
                pytest.approx(1.0)
            )


def test_any_rate_channels_and_kind_of_array_will_do(shared_tiny, chirp):
    wide = resample(chirp[None].repeat(2, 1), 16_000, 44_100)
    for sound in (wide, wide.numpy(), wide.double()):
        result = restyled(shared_tiny, sound, 44_100, output_type="np", num_inference_steps=2)
        assert isinstance(result.audios, np.ndarray)
        assert result.audios.shape == (1, SAMPLES)
        assert result.sampling_rate == 16_000


def test_a_recording_longer_than_the_window_is_walked_in_windows(shared_tiny, chirp):
    widths = []
    unet = shared_tiny.unet
    handle = unet.register_forward_pre_hook(lambda _, inputs: widths.append(inputs[0].shape[-1]))
    result = restyled(shared_tiny, chirp.repeat(5)[:48_000], num_inference_steps=2)
    handle.remove()
    assert result.audios.shape == (1, 48_000)
    assert set(widths) == {32}


def test_a_hook_sees_each_step_of_each_strength(shared_tiny, chirp):
    seen = []

    def remember(index, _timestep, latent):
        seen.append(index)
        return latent

    restyled(shared_tiny, chirp, strength=[0.5, 1.0], on_step=remember)
    assert seen == [0, 1, 2, 0, 1, 2, 3, 4]  # PNDM: one more each


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"strength": 1.5}, r"the strength 1\.5 is out of range"),
        ({"strength": [0.5, float("nan")]}, "the strength nan is out of range"),
        ({"strength": []}, "no strength in the list"),
        ({"num_inference_steps": 0}, "0 steps"),
        ({"seed": -1}, "out of range"),
    ],
)
def test_what_makes_no_sense_is_refused(shared_tiny, chirp, given, sentence):
    with pytest.raises(InputError, match=sentence):
        restyled(shared_tiny, chirp, **given)


@pytest.mark.parametrize(
    ("sound", "sentence"),
    [
        (torch.zeros(100), "0.01 s long"),
        (torch.full((16_000,), torch.nan), "NaN or infinite"),
        (torch.zeros(16_000 * 601), "out of range"),
    ],
)
def test_a_recording_that_is_none_is_refused(shared_tiny, sound, sentence):
    with pytest.raises(InputError, match=sentence):
        restyled(shared_tiny, sound)


def test_silence_stays_silence(shared_tiny):
    assert not restyled(shared_tiny, torch.zeros(SAMPLES)).audios.any()
