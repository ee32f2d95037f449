"""Rounds: a step made again begins under the noise it began with, whatever the scheduler."""

import pytest
import torch

from auffusion.denoise import SCHEDULERS, SeededScheduler, denoise, make_scheduler, seeded_noise
from auffusion.edit.keep import keep_outside
from auffusion.edit.rounds import Rounds
from auffusion.errors import InputError
from auffusion.pipeline import tiny_pipeline
from auffusion.pipeline.hooks import hooked

SEVERAL = {"pndm", "dpm++", "unipc"}
REPEATABLE = sorted(set(SCHEDULERS) - SEVERAL)
SHAPE = (4, 8, 32)
STEPS = 6


@pytest.fixture(scope="module")
def config():
    return dict(tiny_pipeline().scheduler.config)


def walk_of(name, config, rounds, seeds=(0,)):
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    scheduler = make_scheduler(name, config)
    return Rounds(
        SeededScheduler.prepared(scheduler, STEPS, generators).late(0), rounds, generators
    )


class Knowing:
    """Predicts the very noise that lies on a known clean latent, and remembers what it saw."""

    def __init__(self, clean, walk):
        self.clean, self.walk, self.seen = clean, walk, []

    def __call__(self, latent, timestep):
        scheduler = self.walk._walk.scheduler
        ones, zeros = torch.ones_like(latent), torch.zeros_like(latent)
        share, noise = (
            scheduler.scale_model_input(self.walk._walk.add_noise(a, b, timestep), timestep)
            for a, b in ((ones, zeros), (zeros, ones))
        )
        self.seen.append((int(timestep), latent))
        return (latent - share * self.clean) / noise


@pytest.mark.parametrize("name", REPEATABLE)
def test_one_round_changes_nothing(config, name):
    clean = torch.zeros(1, *SHAPE)
    noise = seeded_noise([3], SHAPE)
    ends = []
    for rounds in (None, 1):
        walk = walk_of(name, config, 1)
        inner = walk if rounds else walk._walk
        hook = walk.on_step if rounds else None
        start = noise * inner.init_noise_sigma
        ends.append(denoise(Knowing(clean + 0.5, walk), inner, start, on_step=hook))
    assert torch.equal(*ends)


@pytest.mark.parametrize("name", REPEATABLE)
def test_every_round_of_a_step_sees_the_same_amount_of_noise(config, name):
    """Whoever knows the clean latent finds noise of deviation one on it, in every round."""
    clean = seeded_noise([9], SHAPE)
    walk = walk_of(name, config, 3)
    predict = Knowing(clean, walk)
    found = []

    def remembering(latent, timestep):
        found.append(predict(latent, timestep))
        return found[-1]

    start = seeded_noise([3], SHAPE) * walk.init_noise_sigma + 0 * clean
    denoise(remembering, walk, start, on_step=walk.on_step)
    assert [t for t, _ in predict.seen] == walk.timesteps.int().tolist()
    assert len(found) == 3 * (STEPS - 1) + 1
    # The first step's noise is the start's; later ones must not grow or fade.
    deviations = [noise.std().item() for noise in found[3:]]
    assert deviations == pytest.approx([1.0] * len(deviations), abs=0.15)


def test_the_rounds_of_a_step_are_not_the_same_noise(config):
    clean = torch.zeros(1, *SHAPE)
    walk = walk_of("ddim", config, 2)
    predict = Knowing(clean, walk)
    denoise(predict, walk, seeded_noise([3], SHAPE), on_step=walk.on_step)
    first, second = predict.seen[2][1], predict.seen[3][1]
    assert (first - second).abs().mean() > 0.1


@pytest.mark.parametrize("name", REPEATABLE)
def test_what_is_kept_ends_as_it_is(config, name):
    known, noise = seeded_noise([9], SHAPE), seeded_noise([3], SHAPE)
    mask = torch.zeros(1, 1, *SHAPE[1:])
    mask[..., 10:20] = 1.0
    walk = walk_of(name, config, 2)
    keep = keep_outside(mask, known=known, noise=noise, walk=walk)
    end = denoise(
        Knowing(known + 1, walk),
        walk,
        noise * walk.init_noise_sigma,
        on_step=hooked(keep, walk.on_step),
    )
    assert torch.equal(end[..., :10], known[..., :10])
    assert torch.equal(end[..., 20:], known[..., 20:])
    assert (end[..., 10:20] - known[..., 10:20]).mean().item() == pytest.approx(1.0, abs=0.2)


def test_an_item_does_not_depend_on_its_neighbours(config):
    ends = []
    for seeds in ((1, 2), (2,)):
        walk = walk_of("ddim", config, 2, seeds)
        start = seeded_noise(list(seeds), SHAPE)
        clean = torch.zeros(len(seeds), *SHAPE)
        ends.append(denoise(Knowing(clean, walk), walk, start, on_step=walk.on_step)[-1])
    assert torch.allclose(*ends)


def test_what_cannot_be_repeated_is_refused(config):
    with pytest.raises(InputError, match="0 rounds cannot be made: choose 1 to 100"):
        walk_of("ddim", config, 0)
    for name in SEVERAL:
        with pytest.raises(InputError, match="steps from several latents"):
            walk_of(name, config, 2)
        assert walk_of(name, config, 1)
