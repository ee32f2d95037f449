"""Masks lie where the seconds and the Hz say."""

import pytest
import torch

from auffusion.edit.region import Region, check_within, latent_mask, picture_mask
from auffusion.errors import InputError
from auffusion.mel import MelConfig, MelSpectrogram


def mask_of(*regions, duration_s=2.56, frames=256, bands=256):
    return picture_mask(regions, MelConfig(bands=bands), duration_s=duration_s, frames=frames)


def test_an_interval_covers_the_frames_it_touches_in_all_bands():
    mask = mask_of(Region(start_s=0.5, end_s=1.005))
    assert mask[:, 50:101].eq(1).all()
    assert mask.sum() == 256 * 51


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 3000.0])
def test_a_box_covers_the_band_in_which_a_tone_is_loudest(hertz):
    time_s = torch.arange(40_960, dtype=torch.float64) / 16_000
    tone = torch.sin(2 * torch.pi * hertz * time_s).float()[None]
    loudest = MelSpectrogram()(tone)[0, :, 100].argmax()
    box = mask_of(Region(start_s=0.9, end_s=1.1, low_hz=hertz - 50, high_hz=hertz + 50))
    beside = mask_of(Region(start_s=0.9, end_s=1.1, low_hz=hertz + 50, high_hz=8000.0))
    assert box[loudest, 100] == 1
    assert beside[loudest, 100] == 0
    assert box[:, :90].sum() == box[:, 110:].sum() == 0


def test_a_narrow_box_still_covers_a_band():
    assert mask_of(Region(start_s=0.5, end_s=0.6, low_hz=700.0, high_hz=700.5)).sum() >= 10


def test_what_reaches_the_end_goes_on_over_the_silence_behind():
    mask = mask_of(Region(start_s=1.0, end_s=2.0), duration_s=2.0)
    assert mask[:, 100:].eq(1).all()
    assert mask_of(Region(start_s=1.0, end_s=1.9), duration_s=2.0)[:, 190:].sum() == 0


def test_a_place_of_the_latent_is_covered_where_any_of_its_pixels_is():
    low_band = torch.zeros(64, 128)
    low_band[0, 17] = 1.0
    mask = latent_mask(low_band, 8)
    assert mask.shape == (1, 1, 8, 16)
    assert mask.nonzero().tolist() == [[0, 0, 7, 2]]


def test_on_the_grid_it_is_what_nearest_neighbours_give():
    mask = torch.zeros(64, 128)
    mask[8:32, 16:48] = 1.0
    nearest = torch.nn.functional.interpolate(mask.flip(0)[None, None], size=(8, 16))
    assert torch.equal(latent_mask(mask, 8), nearest)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"start_s": 1.0, "end_s": 1.0}, "from 1 to 1 s is none"),
        ({"start_s": -0.1, "end_s": 1.0}, r"from -0\.1 to 1 s is none"),
        ({"start_s": float("nan"), "end_s": 1.0}, "from nan to 1 s is none"),
        ({"start_s": 0.0, "end_s": float("inf")}, "to inf s is none"),
        ({"start_s": 0.0, "end_s": 1.0, "low_hz": 500.0, "high_hz": 500.0}, "500 Hz is none"),
        ({"start_s": 0.0, "end_s": 1.0, "low_hz": float("nan")}, "from nan to inf Hz is none"),
    ],
)
def test_what_is_no_region_is_refused(values, sentence):
    with pytest.raises(InputError, match=sentence):
        Region(**values)


def test_regions_must_lie_within_the_recording():
    check_within([Region(start_s=0.0, end_s=2.0)], 2.0)
    with pytest.raises(InputError, match=r"does not lie within the recording, which is 2\.000 s"):
        check_within([Region(start_s=0.0, end_s=2.1)], 2.0)
    with pytest.raises(InputError, match="nothing is to be made anew"):
        check_within([], 2.0)
