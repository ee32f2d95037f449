import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)

from auffusion.denoise import (
    SCHEDULERS,
    SeededScheduler,
    denoise,
    item_generators,
    make_scheduler,
    noise_from,
    seeded_noise,
)
from auffusion.errors import InputError

# diffusers hands torch tensors to np.array, which torch answers the old way; neither is ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NOISE_SCHEDULE = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
}
# Built by hand from diffusers' documentation, not through our table.
DIRECT = {
    "ddpm": lambda c: DDPMScheduler(**c, clip_sample=False),
    "ddim": lambda c: DDIMScheduler(**c, clip_sample=False),
    "pndm": lambda c: PNDMScheduler(**c, skip_prk_steps=True),
    "dpm++": lambda c: DPMSolverMultistepScheduler(
        **c, algorithm_type="dpmsolver++", solver_order=2, use_karras_sigmas=True
    ),
    "unipc": lambda c: UniPCMultistepScheduler(**c),
    "euler": lambda c: EulerDiscreteScheduler(**c),
    "euler-a": lambda c: EulerAncestralDiscreteScheduler(**c),
    "lcm": lambda c: LCMScheduler(**c),
}
SHAPE = (4, 8, 16)
NAMES = sorted(SCHEDULERS)
STOCHASTIC = {"ddpm", "euler-a", "lcm"}


def run(call, embeddings, name, seeds, steps=6, prediction="epsilon", eta=0.0):
    generators = item_generators(seeds)
    config = {**NOISE_SCHEDULE, "prediction_type": prediction}
    scheduler = SeededScheduler.prepared(make_scheduler(name, config), steps, generators, eta=eta)
    latent = noise_from(generators, SHAPE) * scheduler.init_noise_sigma

    def predict(latent, timestep):
        return call(latent, timestep, embeddings)

    return denoise(predict, scheduler, latent)


@torch.no_grad()
def plain_loop(unet, embeddings, scheduler, seed, steps, **extra):
    """What a diffusers user writes, for one item."""
    generator = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    latent = torch.randn(1, *SHAPE, generator=generator) * scheduler.init_noise_sigma
    if not isinstance(scheduler, PNDMScheduler | UniPCMultistepScheduler):
        extra["generator"] = generator
    for t in scheduler.timesteps:
        noise = unet(scheduler.scale_model_input(latent, t), t, encoder_hidden_states=embeddings)
        latent = scheduler.step(noise.sample, t, latent, **extra).prev_sample
    return latent


def test_the_table_is_tested_whole():
    assert sorted(DIRECT) == NAMES


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", NAMES)
def test_our_loop_equals_calling_diffusers(unet, call, embeddings, name, prediction):
    scheduler = DIRECT[name]({**NOISE_SCHEDULE, "prediction_type": prediction})
    expected = plain_loop(unet, embeddings[:1], scheduler, seed=7, steps=6)
    got = run(call, embeddings[:1], name, [7], prediction=prediction)
    torch.testing.assert_close(got, expected, atol=1e-5 * expected.abs().max().item(), rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_two_equals_two_batches_of_one(call, embeddings, name):
    together = run(call, embeddings, name, [3, 4])
    for item, seed in enumerate([3, 4]):
        alone = run(call, embeddings[item : item + 1], name, [seed])
        tolerance = 1e-5 * alone.abs().max().item()
        torch.testing.assert_close(together[item : item + 1], alone, atol=tolerance, rtol=0)


def test_ddim_with_noise_keeps_items_apart_too(unet, call, embeddings):
    together = run(call, embeddings, "ddim", [3, 4], eta=1.0)
    expected = plain_loop(
        unet, embeddings[1:], DIRECT["ddim"](NOISE_SCHEDULE), seed=4, steps=6, eta=1.0
    )
    tolerance = 1e-5 * expected.abs().max().item()
    torch.testing.assert_close(together[1:], expected, atol=tolerance, rtol=0)
    assert not torch.allclose(together, run(call, embeddings, "ddim", [3, 4]), atol=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bits(call, embeddings, name):
    first, second = (run(call, embeddings, name, [1, 2], steps=3) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", NAMES)
def test_torchs_own_random_state_is_neither_used_nor_changed(call, embeddings, name):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(call, embeddings, name, [1, 2], steps=2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_which_schedulers_draw_noise_on_the_way(call, embeddings, name):
    def walk(seed):
        scheduler = SeededScheduler.prepared(
            make_scheduler(name, NOISE_SCHEDULE), 4, item_generators([seed])
        )
        start = seeded_noise([0], SHAPE) * scheduler.init_noise_sigma
        return denoise(lambda x, t: call(x, t, embeddings[:1]), scheduler, start)

    assert torch.equal(walk(1), walk(2)) == (name not in STOCHASTIC)


def ideal(target, prediction):
    """The perfect network for data that is always `target`: Eq. 4 and 5 of the paper solved for ε.

    A noisy latent is x = √ā·x₀ + √(1-ā)·ε, hence ε = (x - √ā·x₀) / √(1-ā); and
    v = √ā·ε - √(1-ā)·x₀.
    """
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alphas = np.cumprod(1 - betas)
    sigmas = np.sqrt((1 - alphas) / alphas)

    def predict(latent, timestep):
        # Between whole timesteps, schedulers interpolate the noise level.
        sigma = np.interp(float(timestep), np.arange(1000), sigmas)
        signal, noise = 1 / np.sqrt(1 + sigma**2), sigma / np.sqrt(1 + sigma**2)
        epsilon = (latent - signal * target) / noise
        return epsilon if prediction == "epsilon" else signal * epsilon - noise * target

    return predict


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", NAMES)
def test_an_ideal_network_leads_every_sampler_to_the_data(name, prediction):
    # Beyond ±1, where pixels would be clipped and latents must not be.
    target = 3.0 * torch.sin(torch.arange(4 * 8 * 16).reshape(1, *SHAPE) / 7)
    generators = item_generators([0])
    scheduler = SeededScheduler.prepared(
        make_scheduler(name, {**NOISE_SCHEDULE, "prediction_type": prediction}), 25, generators
    )
    start = noise_from(generators, SHAPE) * scheduler.init_noise_sigma
    got = denoise(ideal(target, prediction), scheduler, start)
    torch.testing.assert_close(got, target, atol=0.15, rtol=0)


class TestNumberOfCalls:
    def calls(self, name, steps):
        seen = []

        def predict(latent, timestep):
            seen.append(int(timestep))
            return torch.zeros_like(latent)

        generators = item_generators([0])
        scheduler = make_scheduler(name, NOISE_SCHEDULE)
        denoise(
            predict,
            SeededScheduler.prepared(scheduler, steps, generators),
            noise_from(generators, SHAPE),
        )
        return seen

    def test_pndm_makes_one_more_and_repeats_the_second_timestep(self):
        # checkpoints.md's example of the published sampler.
        expected = [991, 981, *range(981, 0, -10)]
        assert self.calls("pndm", 100) == expected
        assert len(expected) == 101

    @pytest.mark.parametrize("name", sorted(set(NAMES) - {"pndm"}))
    @pytest.mark.parametrize("steps", [1, 2, 25])
    def test_the_others_make_one_a_step(self, name, steps):
        assert len(self.calls(name, steps)) == steps

    @pytest.mark.parametrize("steps", [0, -1, 1001])
    @pytest.mark.parametrize("name", NAMES)
    def test_impossible_numbers_are_refused(self, name, steps):
        with pytest.raises(InputError, match=f"{steps} steps cannot be made"):
            SeededScheduler.prepared(make_scheduler(name, NOISE_SCHEDULE), steps, [])

    def test_lcm_makes_no_more_than_it_was_distilled_on(self):
        with pytest.raises(InputError, match="from 1 to 50"):
            SeededScheduler.prepared(make_scheduler("lcm", NOISE_SCHEDULE), 51, [])
        assert len(self.calls("lcm", 50)) == 50


class TestMakeScheduler:
    def test_an_unknown_name_is_refused_with_the_choices(self):
        with pytest.raises(InputError, match=r"no scheduler 'heun': choose one of ddim, ddpm, .*"):
            make_scheduler("heun", NOISE_SCHEDULE)

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("origin", NAMES)
    def test_it_takes_over_from_any_other(self, name, origin):
        config = {**NOISE_SCHEDULE, "prediction_type": "v_prediction"}
        made = make_scheduler(name, make_scheduler(origin, config).config)
        direct = make_scheduler(name, config)
        assert type(made) is SCHEDULERS[name][0]
        for key in ("prediction_type", *NOISE_SCHEDULE, *SCHEDULERS[name][1]):
            assert made.config.get(key) == direct.config.get(key)
        made.set_timesteps(10)
        direct.set_timesteps(10)
        assert torch.equal(torch.as_tensor(made.timesteps), torch.as_tensor(direct.timesteps))

    def test_the_given_configuration_is_left_alone(self):
        config = dict(NOISE_SCHEDULE)
        make_scheduler("dpm++", config)
        assert config == NOISE_SCHEDULE


def test_a_sampler_that_draws_for_the_whole_batch_is_refused():
    scheduler = type("DPMSolverSDEScheduler", (), {})()
    with pytest.raises(InputError, match="one noise for a whole batch"):
        SeededScheduler(scheduler, [])
