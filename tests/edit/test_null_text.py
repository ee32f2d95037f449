"""Embeddings of "no text" that keep a guided walk on its path."""

import pytest
import torch
from edit.gaussians import Gaussian, latent, scheduler

from auffusion.denoise import ClassifierFreeGuidance, denoise
from auffusion.edit.ddim_inversion import FixedPoint, Trail, ddim_walk
from auffusion.edit.null_text import NullTextGuidance, NullTextSearch, NullTextSettings
from auffusion.errors import InputError

TEXT = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(7))
SCALE = 4.0


def call(latent, timestep, embedding):
    """A Gaussian's network whose answer the text shifts, one channel for each feature."""
    shift = 0.2 * torch.tanh(embedding.mean(dim=1))[:, :, None, None]
    return Gaussian()(latent, timestep) + shift


def searched(steps=10, **settings):
    """The start, the walk, and the search that walked it."""
    walk = ddim_walk(scheduler(), steps)
    upwards, trail = walk.inverted(), Trail(latent())
    climb = FixedPoint(predict=lambda z, t: call(z, t, TEXT), upwards=upwards, iterations=3)
    start = denoise(climb, upwards, latent(), on_step=trail)
    blank = torch.zeros_like(TEXT)
    search = NullTextSearch(
        call, TEXT, blank, SCALE, walk, trail.before, NullTextSettings(**settings)
    )
    return start, walk, search, denoise(search, walk, start)


def error(found):
    return (found - latent()).square().mean().sqrt().item()


def test_the_guided_walk_returns_to_the_latent():
    start, walk, search, found = searched(iterations=200, learning_rate=0.05, tolerance=1e-9)
    plain = ClassifierFreeGuidance(call, TEXT, torch.zeros_like(TEXT), SCALE)
    astray = error(denoise(plain, walk, start))
    kept = denoise(NullTextGuidance(plain, search.nulls), walk, start)
    assert astray > 0.3
    assert error(kept) < 0.02 * astray
    torch.testing.assert_close(kept, found, atol=1e-5, rtol=0)


def test_without_time_to_search_it_is_still_nearer():
    start, walk, search, found = searched()
    plain = ClassifierFreeGuidance(call, TEXT, torch.zeros_like(TEXT), SCALE)
    assert error(found) < 0.7 * error(denoise(plain, walk, start))
    assert set(search.nulls) == set(walk.timesteps.tolist())


def test_the_embeddings_serve_any_number_of_items():
    start, walk, search, found = searched()
    items = ClassifierFreeGuidance(call, torch.cat([TEXT, 2 * TEXT]), torch.zeros(2, 3, 4), SCALE)
    both = denoise(NullTextGuidance(items, search.nulls), walk, start.repeat(2, 1, 1, 1))
    torch.testing.assert_close(both[:1], found, atol=1e-5, rtol=0)
    assert (both[1] - found[0]).abs().max() > 0.01


def test_a_path_that_is_followed_already_leaves_the_embedding_alone():
    _, _, search, _ = searched(tolerance=1e3)
    for null in search.nulls.values():
        assert torch.equal(null, torch.zeros_like(TEXT))


@pytest.mark.parametrize(
    "settings", [{"iterations": 0}, {"learning_rate": 0.0}, {"tolerance": -1.0}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(InputError, match="make no sense"):
        NullTextSettings(**settings)
