from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from auffusion.errors import InputError
from auffusion.text import ConditionAdapter
from auffusion.train import diffusion
from auffusion.train.diffusion import (
    ConditionedUnet,
    DiffusionTraining,
    LatentScenes,
    Phase,
    train_diffusion,
)
from auffusion.train.run import Schedule

SETTINGS = DiffusionTraining(
    schedule=Schedule(steps=60, learning_rate=5e-3, warmup=5),
    phases=(Phase(until=0.5, columns=4, batch=4), Phase(until=1.0, columns=8, batch=2)),
    save_every=20,
)


def new_network():
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=(4, 8),
        in_channels=2,
        out_channels=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    return ConditionedUnet(unet, ConditionAdapter(6, 8))


def new_scheduler(kind="v_prediction"):
    return DDIMScheduler(beta_schedule="scaled_linear", prediction_type=kind, clip_sample=False)


@pytest.fixture(scope="module")
def scenes():
    """Two kinds of scene, told apart by their text."""
    source = torch.Generator().manual_seed(0)
    bars = torch.ones(6, 2, 4, 12)
    bars[::2, :, ::2] = -1
    features = torch.randn(3, 5, 6, generator=source)
    latents = bars + 0.1 * torch.randn(bars.shape, generator=source)
    return LatentScenes(latents=latents, captions=[[0, 1], [2]] * 3, features=features)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, scenes):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return train_diffusion(new_network(), new_scheduler(), scenes, SETTINGS, folder), folder


def test_training_brings_the_error_down(whole, read_log):
    log = read_log(whole[1])
    assert [line["step"] for line in log] == [20, 40, 60]
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path, scenes, whole, read_log, interrupt, assert_equal_weights
):
    started = new_network()
    interrupt(started, calls=49)
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(started, new_scheduler(), scenes, SETTINGS, tmp_path)
    resumed = train_diffusion(new_network(), new_scheduler(), scenes, SETTINGS, tmp_path)
    assert_equal_weights(resumed, whole[0])
    assert read_log(tmp_path) == read_log(whole[1])


def test_each_timestep_is_drawn_from_a_stratum_of_its_own():
    scheduler = new_scheduler()
    drawn = [
        diffusion._timesteps(8, scheduler, np.random.default_rng(seed)).numpy()
        for seed in range(200)
    ]
    for steps in drawn:
        assert (steps // 125).tolist() == list(range(8))
    everything = np.concatenate(drawn)
    assert everything.min() >= 0
    assert everything.max() <= 999
    # Together they are spread evenly: mean and deviation of a uniform distribution on [0, 1000).
    assert everything.mean() == pytest.approx(499.5, abs=5)
    assert everything.std() == pytest.approx(1000 / 12**0.5, rel=0.02)


def test_the_target_is_v_or_the_noise():
    clean, noise = torch.randn(2, 1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    timestep = torch.tensor([300])
    kept = new_scheduler().alphas_cumprod[300]
    v = diffusion._target(new_scheduler(), clean, noise, timestep)
    torch.testing.assert_close(v, kept.sqrt() * noise - (1 - kept).sqrt() * clean)
    assert diffusion._target(new_scheduler("epsilon"), clean, noise, timestep) is noise


def test_a_window_comes_with_a_caption_of_its_own_scene(scenes):
    marked = replace(scenes, latents=scenes.latents * 0 + torch.arange(6.0)[:, None, None, None])
    settings = replace(SETTINGS, phases=(Phase(until=1.0, columns=4, batch=32),))
    windows, rows, kept = diffusion._draw(marked, settings, 0, np.random.default_rng(0))
    assert windows.shape == (32, 2, 4, 4)
    for window, row in zip(windows, rows, strict=True):
        scene = int(window[0, 0, 0])
        allowed = marked.features[list(marked.captions[scene])]
        assert any(torch.equal(row, one) for one in allowed)
    assert set(kept.tolist()) <= {0.0, 1.0}


def test_text_is_dropped_as_often_as_asked(scenes):
    settings = replace(
        SETTINGS, phases=(Phase(until=1.0, columns=2, batch=2000),), unconditional=0.25
    )
    _, _, kept = diffusion._draw(scenes, settings, 0, np.random.default_rng(0))
    assert kept.mean().item() == pytest.approx(0.75, abs=0.03)


def test_dropped_text_is_all_zeros_behind_the_adapter(scenes):
    network = new_network().eval()
    noisy, timestep = torch.ones(1, 2, 4, 4), torch.tensor([5])
    with torch.no_grad():
        dropped = network(noisy, timestep, scenes.features[:1], torch.zeros(1))
        silent = network.unet(noisy, timestep, encoder_hidden_states=torch.zeros(1, 5, 8)).sample
        told = network(noisy, timestep, scenes.features[:1], torch.ones(1))
    torch.testing.assert_close(dropped, silent)
    assert not torch.allclose(told, silent)


def test_phases_follow_each_other():
    columns = [SETTINGS.phase(step).columns for step in range(60)]
    assert columns == [4] * 30 + [8] * 30


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"phases": ()}, "phases is empty"), ({"save_every": 30}, "choose a multiple of 20")],
)
def test_settings_that_cannot_be_are_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        replace(SETTINGS, **change)


def test_scenes_that_do_not_fit_are_refused(tmp_path, scenes):
    with pytest.raises(InputError, match="6 scenes came with 1 captions"):
        replace(scenes, captions=[[0]])
    wide = replace(SETTINGS, phases=(Phase(until=1.0, columns=13, batch=1),))
    with pytest.raises(InputError, match="12 latent columns wide and the windows 13"):
        train_diffusion(new_network(), new_scheduler(), scenes, wide, tmp_path)
