"""AudioLDM and AudioLDM2 beside diffusers' own reading of the same folders."""

import pytest
import torch
from diffusers import AudioLDM2Pipeline, AudioLDMPipeline
from transformers import GPT2LMHeadModel, GPT2Model

from auffusion.baselines import load_baseline
from auffusion.baselines.parts import quiet

LENGTH_S = 0.32
CALL = {"audio_length_in_s": LENGTH_S, "num_inference_steps": 2, "output_type": "pt"}


def theirs(pipeline, seed, **settings):
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(seed)
    return pipeline("a dog barks", generator=generator, **CALL, **settings).audios


@pytest.mark.parametrize("name", ["audioldm-s-full-v2", "audioldm-l-full"])
def test_audioldm_is_diffusers_audioldm(published, name):
    folder, _ = published(name)
    with quiet():
        pipeline = AudioLDMPipeline.from_pretrained(folder)
    expected = theirs(pipeline, 3, guidance_scale=2.5)
    ours = load_baseline(name, model=folder, steps=2, length_s=LENGTH_S)
    assert torch.equal(ours(["a dog barks"], [3]), expected)


def test_the_pickled_form_sounds_as_the_safe_one(published):
    sounds = [
        load_baseline(name, model=published(name)[0], steps=2, length_s=LENGTH_S)(["rain"], [0])
        for name in ("audioldm-s-full-v2", "audioldm-l-full")
    ]
    assert torch.equal(*sounds)


def test_audioldm2_as_it_is_published_does_not_run_in_diffusers(published):
    folder, _ = published("audioldm2")
    with quiet():
        pipeline = AudioLDM2Pipeline.from_pretrained(folder)
    # https://github.com/huggingface/diffusers/issues/12630; when this fails, diffusers reads the
    # folder again, and the baseline need not name the class.
    with pytest.raises(AttributeError, match="_update_model_kwargs_for_generation"):
        theirs(pipeline, 3, guidance_scale=3.5)


@torch.no_grad()
def test_the_other_language_model_has_the_same_hidden_states(published):
    folder = published("audioldm2")[0] / "language_model"
    with quiet():
        shipped = GPT2Model.from_pretrained(folder).eval()
        used = GPT2LMHeadModel.from_pretrained(folder).eval()
    rows = torch.randn(1, 5, 24, generator=torch.Generator().manual_seed(0))
    expected = shipped(inputs_embeds=rows).last_hidden_state
    found = used(inputs_embeds=rows, output_hidden_states=True).hidden_states[-1]
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ["audioldm2", "audioldm2-large"])
def test_audioldm2_is_diffusers_audioldm2_with_that_language_model(published, name):
    folder, _ = published(name)
    with quiet():
        language = GPT2LMHeadModel.from_pretrained(folder / "language_model")
        pipeline = AudioLDM2Pipeline.from_pretrained(folder, language_model=language)
    expected = theirs(pipeline, 3, guidance_scale=3.5)
    ours = load_baseline(name, model=folder, steps=2, length_s=LENGTH_S)
    assert torch.equal(ours(["a dog barks"], [3]), expected)


def test_nothing_is_said_of_deprecation(published, capfd):
    baseline = load_baseline(
        "audioldm-s-full-v2", model=published("audioldm-s-full-v2")[0], steps=1, length_s=LENGTH_S
    )
    baseline(["rain"], [0])
    assert capfd.readouterr() == ("", "")
