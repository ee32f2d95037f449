"""A sound depends on its prompt and its seed, not on its neighbours."""

import pytest
import torch

from auffusion.denoise import make_scheduler
from auffusion.pipeline import tiny_pipeline

PROMPTS = ["a dog barking", "rain", "a very long and winding road with many cars upon it"]


@torch.no_grad()
@pytest.mark.parametrize("layout", ["adapter", "stable-diffusion"])
@pytest.mark.parametrize("name", ["pndm", "dpm++", "euler-a", "ddpm"])
def test_a_batch_equals_single_runs(layout, name):
    pipeline = tiny_pipeline(layout=layout)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = make_scheduler(name, pipeline.scheduler.config)
    call = {"num_inference_steps": 3, "audio_length_in_s": 0.64, "output_type": "pt"}
    together = pipeline(PROMPTS, seeds=[4, 5, 6], **call)
    for index, (prompt, seed) in enumerate(zip(PROMPTS, [4, 5, 6], strict=True)):
        alone = pipeline(prompt, seeds=[seed], **call)
        for field in ("audios", "spectrograms"):
            one, of_many = getattr(alone, field)[0], getattr(together, field)[index]
            assert (one - of_many).abs().max() <= 1e-4 * one.abs().max(), field
