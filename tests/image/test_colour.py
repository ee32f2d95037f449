"""Colours: the published table, fixed range, right side up."""

import matplotlib
import numpy as np
import pytest
import torch

from auffusion.image import MelImageCodec, colourise, to_pil
from auffusion.image.colour import PLASMA, VIRIDIS
from auffusion.image.scale import LOUDEST, SILENCE

# Entries of the published table, as quoted all over the web: #440154, #21918C, #FDE725.
PUBLISHED = {0: (0x44, 0x01, 0x54), 128: (0x21, 0x91, 0x8C), 255: (0xFD, 0xE7, 0x25)}


def lightness(rgb):
    """CIE L* of sRGB in 0 … 255, by the definitions of IEC 61966-2-1 and CIE 1976."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return 116 * np.cbrt(luminance) - 16


def test_the_table_is_viridis():
    assert {level: tuple(VIRIDIS[level].tolist()) for level in PUBLISHED} == PUBLISHED


@pytest.mark.parametrize(("name", "table"), [("viridis", VIRIDIS), ("plasma", PLASMA)])
def test_every_entry_is_matplotlibs(name, table):
    theirs = matplotlib.colormaps[name](np.arange(256), bytes=True)
    assert np.abs(theirs[:, :3].astype(int) - table).max() <= 1


def test_its_lightness_rises_evenly():
    # What viridis was made for; a wrong digit in the table would be a step.
    steps = np.diff(lightness(VIRIDIS.astype(float)))
    assert steps.min() > -0.1
    assert steps.max() < 0.8
    assert np.corrcoef(np.arange(256), lightness(VIRIDIS.astype(float)))[0, 1] > 0.999


def test_the_same_level_has_the_same_colour_whatever_the_clip_holds():
    quiet = torch.full((4, 4), -8.0)
    mixed = quiet.clone()
    mixed[0, 0] = 5.0
    assert colourise(quiet).getpixel((3, 0)) == colourise(mixed).getpixel((3, 0))


def test_silence_is_the_darkest_and_the_range_s_end_the_brightest_colour():
    picture = colourise(torch.tensor([[SILENCE, LOUDEST]]))
    assert picture.size == (2, 1)
    assert picture.getpixel((0, 0)) == PUBLISHED[0]
    assert picture.getpixel((1, 0)) == PUBLISHED[255]


def test_the_highest_band_is_on_top():
    log_mel = torch.full((8, 3), SILENCE)
    log_mel[7] = LOUDEST
    assert colourise(log_mel).getpixel((0, 0)) == PUBLISHED[255]
    assert colourise(log_mel).getpixel((0, 7)) == PUBLISHED[0]


def test_grey_pictures_keep_orientation_and_round_to_the_nearest_level():
    log_mel = torch.linspace(SILENCE, LOUDEST, 256)[:, None].repeat(1, 2)[None]
    picture = np.asarray(to_pil(MelImageCodec().encode(log_mel)[0]))
    assert picture.shape == (256, 2, 3)
    assert np.array_equal(picture[:, 0, 0], np.arange(255, -1, -1))


def test_a_picture_slightly_outside_its_range_saturates():
    picture = np.asarray(to_pil(torch.tensor([-0.1, 1.1])[None, None].repeat(3, 1, 1)))
    assert picture[0, :, 0].tolist() == [0, 255]
