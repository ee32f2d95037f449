import pytest

from auffusion.errors import InputError
from auffusion.mel import MelConfig
from auffusion.pipeline.canvas import Canvas

PUBLISHED = Canvas(mel=MelConfig(), pixels=8, step=8, frames=1024)


def test_the_published_canvas_is_that_of_the_paper():
    assert PUBLISHED.samples(None) == 163_840
    assert (PUBLISHED.rows, PUBLISHED.window, PUBLISHED.columns(163_840)) == (32, 128, 128)


@pytest.mark.parametrize("seconds", [0.5, 0.64, 0.641, 1.0, 3.1415, 10.0, 10.24, 33.3])
def test_the_latent_holds_the_sound_with_less_than_a_step_to_spare(seconds):
    samples = PUBLISHED.samples(seconds)
    held = PUBLISHED.columns(samples) * 8 * 160
    assert samples == round(seconds * 16_000)
    assert 0 <= held - samples < 8 * 8 * 160
    assert PUBLISHED.columns(samples) % 8 == 0


def test_frames_cover_the_last_sample():
    assert [PUBLISHED.frames_of(n) for n in (1, 160, 161)] == [1, 1, 2]


@pytest.mark.parametrize("seconds", [0.49, 0.0, -1.0, 600.1, float("nan"), float("inf")])
def test_a_length_out_of_range_is_refused(seconds):
    with pytest.raises(InputError, match="out of range"):
        PUBLISHED.samples(seconds)


@pytest.mark.parametrize(("bands", "frames"), [(250, 1024), (256, 1000), (256, 0)])
def test_a_canvas_off_the_grid_is_refused(bands, frames):
    with pytest.raises(InputError, match="multiples of 64"):
        Canvas(mel=MelConfig(bands=bands), pixels=8, step=8, frames=frames)
