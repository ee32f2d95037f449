import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from auffusion.errors import InputError
from auffusion.recipes.scene_examples import Scenes
from auffusion.text import ConditionAdapter
from auffusion.train.denoising import ConditionedUnet, DenoisingTask, Objective

CLIPS = 6


def new_network(adapters=1, width=6):
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
    return ConditionedUnet(unet, [ConditionAdapter(width, 8) for _ in range(adapters)])


def new_scheduler(kind="epsilon", **changes):
    return DDPMScheduler(beta_schedule="scaled_linear", prediction_type=kind, **changes)


class Texts:
    """Two captions a clip, each a row of its own, for one or two encoders."""

    def __init__(self, encoders=1, width=6):
        self.encoders, self.width = encoders, width

    def captions(self, _clip):
        return 2

    def rows(self, chosen):
        values = [np.float16(10 * clip + caption + 1) for clip, caption in chosen]
        return [
            [np.full((3, self.width), value + e / 4, np.float16) for e in range(self.encoders)]
            for value in values
        ]

    def silent(self):
        return [np.full((3, self.width), -1, np.float16) for _ in range(self.encoders)]


class Latents:
    def draw(self, clips, rngs):
        return [
            np.full((2, 4, 8), clip, np.float32) + 0.01 * np.float32(rng.random())
            for clip, rng in zip(clips, rngs, strict=True)
        ]


class Nobody:
    def listen(self, step, folder):
        pass

    def export(self, folder):
        pass


def task(network=None, objective=None, *, encoders=1, batch=4, width=6, **given):
    plain = {
        "network": network or new_network(encoders, width),
        "scheduler": new_scheduler(),
        "latents": Latents(),
        "texts": Texts(encoders, width),
        "clips": {i: f"clip-{i}" for i in range(CLIPS)},
        "objective": objective or Objective(unconditional=0.0),
    }
    return DenoisingTask(**plain | given, batch=batch, steps=100, seed=3, showcase=Nobody())


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_the_loss_is_the_mean_squared_error_of_noise_or_v(kind):
    made = task(scheduler=new_scheduler(kind))
    batch = made.draw(5, range(4))
    loss = made.losses("network", batch, 5)["loss"]
    # Eq. 1, written out: z_t = √ᾱ z + √(1-ᾱ) ε.
    kept = made.scheduler.alphas_cumprod[batch.timestep].reshape(-1, 1, 1, 1)
    noisy = kept.sqrt() * batch.clean + (1 - kept).sqrt() * batch.noise
    v = kept.sqrt() * batch.noise - (1 - kept).sqrt() * batch.clean
    text = made.network.adapters[0](batch.rows[0])
    predicted = made.network.unet(noisy, batch.timestep, encoder_hidden_states=text).sample
    wanted = (predicted - (batch.noise if kind == "epsilon" else v)).square().mean()
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_min_snr_weights_are_those_of_diffusers_training_example(kind):
    """`train_text_to_image.py`: min(SNR, gamma) / SNR, over SNR + 1 for v."""
    from diffusers.training_utils import compute_snr

    made = task(scheduler=new_scheduler(kind), objective=Objective(min_snr_gamma=5.0))
    steps = torch.tensor([0, 100, 500, 999])
    ratio = compute_snr(made.scheduler, steps)
    wanted = torch.stack([ratio, 5 * torch.ones(4)], 1).min(1)[0]
    wanted = wanted / (ratio + 1 if kind == "v_prediction" else ratio)
    torch.testing.assert_close(made._weights(steps), wanted)
    assert task()._weights(steps).tolist() == [1.0] * 4


def test_what_a_slot_sees_does_not_depend_on_how_the_batch_is_shared():
    made = task(encoders=2, objective=Objective(unconditional=0.3, offset_noise=0.1))
    whole = made.draw(7, range(4))
    for slots in (range(2), range(2, 4)):
        part = made.draw(7, slots)
        for name in ("clean", "noise", "timestep"):
            assert torch.equal(getattr(part, name), getattr(whole, name)[slots.start : slots.stop])
        assert torch.equal(part.kept, whole.kept[:, slots.start : slots.stop])
        for one, two in zip(part.rows, whole.rows, strict=True):
            assert torch.equal(one, two[slots.start : slots.stop])
    assert made.names(7, range(2)) + made.names(7, range(2, 4)) == made.names(7, range(4))


def test_every_clip_comes_with_a_caption_of_its_own_and_once_an_epoch():
    made = task(batch=3)
    seen = []
    for step in range(2):
        batch = made.draw(step, range(3))
        for latent, rows in zip(batch.clean, batch.rows[0], strict=True):
            clip = int(latent[0, 0, 0])
            assert rows[0, 0] in (10 * clip + 1, 10 * clip + 2)
            seen.append(clip)
    assert sorted(seen) == list(range(CLIPS))


@pytest.mark.parametrize("encoders", [1, 2])
def test_all_text_is_dropped_as_often_as_asked_and_each_encoder_by_itself(encoders):
    made = task(encoders=encoders, objective=Objective(unconditional=0.1), batch=1000)
    kept = torch.cat([made.draw(step, range(1000)).kept for step in range(4)], dim=1)
    gone = (kept == 0).float()
    # Four deviations of a share of 4,000.
    assert gone.prod(dim=0).mean().item() == pytest.approx(0.1, abs=0.019)
    assert gone.mean(dim=1).tolist() == pytest.approx([0.1 ** (1 / encoders)] * encoders, abs=0.03)


def test_dropped_text_is_zeros_behind_the_adapter():
    network = new_network(2)
    rows = [torch.randn(2, 3, 6) for _ in range(2)]
    text = network.adapted(rows, torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.zeros(3, 6))
    assert text.shape == (2, 6, 8)
    assert not text[0, 3:].any()
    assert not text[1, :3].any()
    torch.testing.assert_close(text[0, :3], network.adapters[0](rows[0])[0])


def test_without_adapters_dropped_text_is_the_empty_text():
    made = task(new_network(0), Objective(unconditional=0.5), width=8)
    batch = made.draw(0, range(4))
    text = made.network.adapted(batch.rows, batch.kept, made.silent)
    for row, kept, given in zip(text, batch.kept[0], batch.rows[0], strict=True):
        assert torch.equal(row, given if kept else torch.full((3, 8), -1.0))


def test_each_timestep_may_be_drawn_from_a_stratum_of_its_own():
    made = task(objective=Objective(stratified=True), batch=8)
    drawn = [made.draw(step, range(8)).timestep.numpy() for step in range(200)]
    for steps in drawn:
        assert (steps // 125).tolist() == list(range(8))
    plain = np.concatenate([task(batch=8).draw(s, range(8)).timestep.numpy() for s in range(200)])
    # Mean and deviation of a uniform distribution on [0, 1000).
    for everything, error in ((np.concatenate(drawn), 5), (plain, 30)):
        assert everything.min() >= 0
        assert everything.max() <= 999
        assert everything.mean() == pytest.approx(499.5, abs=error)
        assert everything.std() == pytest.approx(1000 / 12**0.5, rel=0.05)


def test_offset_noise_shifts_each_channel_as_a_whole():
    plain, offset = (task(objective=Objective(offset_noise=value)) for value in (0.0, 0.5))
    difference = offset.draw(0, range(4)).noise - plain.draw(0, range(4)).noise
    flat = difference.reshape(8, -1)
    torch.testing.assert_close(flat, flat[:, :1].expand_as(flat), atol=1e-6, rtol=0)
    assert 0.15 < flat[:, 0].std() < 1.2


def test_windows_come_first_and_whole_latents_later():
    made = task(objective=Objective(window=3, whole_from=0.5))
    widths = [made.draw(step, range(1)).clean.shape[-1] for step in (0, 49, 50, 99)]
    assert widths == [3, 3, 8, 8]
    with pytest.raises(InputError, match="window is 9, but latents are 8 columns wide"):
        task(objective=Objective(window=9)).draw(0, range(1))


def test_operations_are_counted():
    made = task()
    count = made.flops_per_example()
    weights = sum(p.numel() for p in made.network.parameters() if p.ndim > 1)
    # At least a multiplication and an addition for each weight, three times.
    assert count > 6 * weights


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"unconditional": 1.0}, r"unconditional is 1\.0"),
        ({"unconditional": -0.1}, "unconditional"),
        ({"window": -1}, "must not be negative"),
        ({"min_snr_gamma": -1.0}, "must not be negative"),
    ],
)
def test_objectives_that_cannot_be_are_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        Objective(**change)


def test_scenes_are_examples():
    latents = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 2, 4, 8)
    features = torch.arange(4.0)[:, None, None].expand(4, 3, 6)
    scenes = Scenes(latents=latents, words=[[0], [1, 2], [3]], features=features)
    made = task(latents=scenes, texts=scenes, clips={i: str(i) for i in range(len(scenes))})
    batch = made.draw(0, range(3))
    for latent, rows in zip(batch.clean, batch.rows[0], strict=True):
        assert int(rows[0, 0]) in scenes.words[int(latent[0, 0, 0])]
    with pytest.raises(InputError, match="3 scenes came with 1 captions"):
        Scenes(latents=latents, words=[[0]], features=features)
