from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auffusion.errors import InputError
from auffusion.latent import average_windows, window_starts, window_weights

LAYOUTS = st.integers(1, 64).flatmap(
    lambda window: st.tuples(st.integers(1, 400), st.just(window), st.integers(0, window - 1))
)


@settings(deadline=None, max_examples=50)
@given(LAYOUTS)
def test_windows_cover_everything_with_the_overlap_asked_for(layout):
    width, window, overlap = layout
    starts = window_starts(width, window, overlap)
    assert starts[0] == 0
    assert len(starts) == 1 or starts[-1] + window == width
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert all(0 < gap <= window - overlap for gap in gaps)
    # Spread evenly, no two overlaps differ by more than rounding.
    assert not gaps or max(gaps) - min(gaps) <= 1


@settings(deadline=None, max_examples=50)
@given(LAYOUTS)
def test_no_fewer_windows_would_do(layout):
    width, window, overlap = layout
    count = len(window_starts(width, window, overlap))
    assert count == 1 or (count - 1) * (window - overlap) + overlap < width


@settings(deadline=None, max_examples=50)
@given(LAYOUTS)
def test_the_weights_of_every_column_sum_to_one(layout):
    starts = window_starts(*layout)
    weights = window_weights(starts, layout[1], layout[2])
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(weights.shape[1]))
    assert weights.amin() >= 0


def test_weights_cross_fade_as_sine_and_cosine_squared():
    weights = window_weights([0, 12], window=16, overlap=4)
    angles = torch.pi / 2 * (torch.arange(4) + 0.5) / 4
    torch.testing.assert_close(weights[0, 12:16], torch.cos(angles) ** 2)
    torch.testing.assert_close(weights[1, 12:16], torch.sin(angles) ** 2)
    assert torch.equal(weights[0, :12], torch.ones(12))


@pytest.mark.parametrize("overlap", [-1, 8, 9])
def test_an_overlap_that_does_not_fit_is_refused(overlap):
    with pytest.raises(InputError, match=f"overlap of {overlap} columns does not fit windows of 8"):
        window_starts(100, 8, overlap)


@pytest.mark.parametrize("width", [9, 20, 33])
def test_a_stretched_identity_is_put_together_again(width):
    whole = torch.randn(2, 3, width, generator=torch.Generator().manual_seed(0))

    def stretch(part):
        return part.repeat_interleave(4, dim=-1)

    got = average_windows(stretch, whole, window=8, overlap=3, scale=4)
    torch.testing.assert_close(got, stretch(whole), atol=1e-6, rtol=0)


def test_what_fits_one_window_is_passed_on_to_the_bit():
    whole = torch.randn(2, 3, 8)
    assert average_windows(lambda part: part, whole, window=8, overlap=3) is whole
