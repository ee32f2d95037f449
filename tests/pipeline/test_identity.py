import pytest
import torch
from diffusers.schedulers.scheduling_pndm import PNDMScheduler

from auffusion import AuffusionPipeline
from auffusion.denoise import make_scheduler
from auffusion.pipeline import model_identity, tiny_pipeline


def test_it_is_a_hash_and_always_the_same():
    identity = model_identity(tiny_pipeline(1))
    assert len(identity) == 64
    assert int(identity, 16)
    assert model_identity(tiny_pipeline(1)) == identity


def test_it_survives_saving(tmp_path):
    pipeline = tiny_pipeline(1)
    pipeline.save_pretrained(tmp_path)
    read = AuffusionPipeline.from_pretrained(tmp_path)
    assert model_identity(read) == model_identity(pipeline)


@pytest.mark.parametrize("part", ["vae", "unet", "text_encoder", "vocoder", "condition_adapter"])
def test_one_number_makes_another_model(part):
    pipeline = tiny_pipeline(1)
    before = model_identity(pipeline)
    with torch.no_grad():
        weight = next(getattr(pipeline, part).parameters()).view(-1)
        weight[0] = torch.nextafter(weight[0], weight[0] + 1)
    assert model_identity(pipeline) != before


@pytest.mark.parametrize(
    "settings",
    [
        {"text_max_length": 32},
        {"image_scale": {"kind": "fixed-log-range", "low": -9.0, "high": 5.0}},
        {"text_convention": "stable-diffusion"},
    ],
)
def test_another_setting_makes_another_model(settings):
    pipeline = tiny_pipeline(1)
    before = model_identity(pipeline)
    pipeline.register_to_config(**settings)
    assert model_identity(pipeline) != before


def test_noise_levels_are_of_the_model():
    pipeline = tiny_pipeline(1)
    before = model_identity(pipeline)
    pipeline.scheduler = PNDMScheduler.from_config(pipeline.scheduler.config, beta_end=0.02)
    assert model_identity(pipeline) != before


def test_the_sampler_and_the_defaults_are_of_the_call():
    pipeline = tiny_pipeline(1)
    before = model_identity(pipeline)
    pipeline.scheduler = make_scheduler("dpm++", pipeline.scheduler.config)
    pipeline.register_to_config(default_steps=5)
    assert model_identity(pipeline) == before


def test_the_precision_is_of_the_model():
    pipeline = tiny_pipeline(1)
    before = model_identity(pipeline)
    assert model_identity(pipeline.to(torch.bfloat16)) != before
