import math

import pytest
import torch
import torch.nn.functional as F

from auffusion.denoise import (
    ClassifierFreeGuidance,
    SeededScheduler,
    Windowed,
    denoise,
    item_generators,
    make_scheduler,
    noise_from,
)
from auffusion.errors import InputError

# diffusers hands torch tensors to np.array, which torch answers the old way; neither is ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TIMESTEP = torch.tensor(500)


def latent(width, items=2):
    return torch.randn(items, 4, 8, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("width", [16, 8])
@torch.no_grad()
def test_a_latent_that_fits_is_predicted_plainly_to_the_bit(call, embeddings, width):
    guided = ClassifierFreeGuidance(call, embeddings, torch.zeros_like(embeddings), 3.0)
    windowed = Windowed(guided, window=16, overlap=4)
    assert torch.equal(windowed(latent(width), TIMESTEP), guided(latent(width), TIMESTEP))


@pytest.mark.parametrize("width", [17, 30, 33, 64, 100])
@pytest.mark.parametrize("overlap", [0, 1, 4, 8, 15])
def test_what_all_windows_agree_on_passes_unchanged(width, overlap):
    def predict(part, _timestep):
        return torch.sin(part)

    got = Windowed(predict, window=16, overlap=overlap)(latent(width), TIMESTEP)
    torch.testing.assert_close(got, torch.sin(latent(width)), atol=1e-6, rtol=0)


def test_a_constant_prediction_stays_constant():
    def predict(part, _timestep):
        return torch.full_like(part, 2.5)

    got = Windowed(predict, window=16, overlap=4)(latent(70), TIMESTEP)
    torch.testing.assert_close(got, torch.full_like(got, 2.5), atol=1e-6, rtol=0)


def test_every_window_has_the_trained_width():
    widths = []

    def predict(part, _timestep):
        widths.append(part.shape[-1])
        return part

    Windowed(predict, window=16, overlap=4)(latent(70), TIMESTEP)
    assert set(widths) == {16}


def test_windows_that_disagree_are_joined_without_a_step():
    calls = iter(range(100))

    def predict(part, _timestep):
        return torch.full_like(part, float(next(calls) % 2))

    overlap = 16
    got = Windowed(predict, window=48, overlap=overlap)(latent(48 + 3 * 32), TIMESTEP)
    # The steepest slope of sin²(πx / 2n) is π / 2n a column.
    steps = got.diff(dim=-1).abs().amax().item()
    assert steps <= math.pi / (2 * overlap) + 1e-6
    assert got.amin() < 1e-6
    assert got.amax() > 1 - 1e-6


def test_a_network_that_looks_no_further_than_the_overlap_shows_no_seam():
    kernel = torch.randn(4, 4, 3, 5, generator=torch.Generator().manual_seed(1))

    def predict(part, _timestep):
        return F.conv2d(part, kernel, padding=(1, 2))

    wide = latent(160)
    got = Windowed(predict, window=64, overlap=32)(wide, TIMESTEP)
    # Only the two columns at a window's edge differ from the whole: they see padding instead of
    # sound, and their weight is at most sin²(π/2 · 1.5/32).
    scale = predict(wide, TIMESTEP).abs().amax().item()
    most = 2 * scale * math.sin(0.5 * math.pi * 1.5 / 32) ** 2
    torch.testing.assert_close(got, predict(wide, TIMESTEP), atol=most, rtol=0)


def test_a_shifted_latent_gives_a_shifted_prediction():
    def predict(part, _timestep):
        return part * part.square().mean().sqrt()

    # Three windows at 0, 32, 64; by a whole stride to the right the same content meets the same
    # places in them.
    whole = latent(32).repeat(1, 1, 1, 4)
    windowed = Windowed(predict, window=64, overlap=32)
    got = windowed(whole, TIMESTEP)
    torch.testing.assert_close(got[..., 32:], got[..., :-32], atol=1e-6, rtol=0)


def test_a_wide_latent_is_denoised_with_any_scheduler_state(call, embeddings):
    generators = item_generators([0, 1])
    scheduler = SeededScheduler.prepared(make_scheduler("dpm++", {}), 4, generators)
    start = noise_from(generators, (4, 8, 40)) * scheduler.init_noise_sigma
    guided = ClassifierFreeGuidance(call, embeddings, torch.zeros_like(embeddings), 3.0)
    together = denoise(Windowed(guided, window=16, overlap=8), scheduler, start)
    assert together.shape == (2, 4, 8, 40)
    assert together.isfinite().all()


@pytest.mark.parametrize("overlap", [-1, 16, 20])
def test_an_overlap_that_does_not_fit_is_refused(overlap):
    with pytest.raises(InputError, match="does not fit windows of 16 columns"):
        Windowed(lambda part, _timestep: part, window=16, overlap=overlap)
