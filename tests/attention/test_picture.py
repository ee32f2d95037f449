"""What the colours of maps mean."""

import math

import numpy as np
import pytest
import torch

from auffusion.attention.heatmap import Heatmap
from auffusion.attention.picture import MapRow, attention_picture, unit_levels, widest


def heatmap(values):
    values = torch.tensor(values)
    rows, columns = values.shape
    return Heatmap(
        values=values,
        edges_hz=np.linspace(8000.0, 0.0, rows + 1),
        edges_s=np.linspace(0.0, 2.0, columns + 1),
    )


SMALL, LARGE = heatmap([[0.01, 0.03]]), heatmap([[0.2, 0.6]])


def levels(one, scale, reach=1.0, largest=0.6):
    return unit_levels(one, scale, reach=reach, largest=largest)[0].tolist()


def test_relative_colours_do_not_depend_on_how_much_attention_a_word_has():
    assert levels(SMALL, "relative") == pytest.approx(levels(LARGE, "relative"))
    half, most = levels(SMALL, "relative")
    assert half == pytest.approx(0.0)  # half the mean, one octave below
    assert most == pytest.approx((math.log2(1.5) + 1) / 2)


def test_shares_are_on_one_scale():
    assert levels(SMALL, "share") == pytest.approx([0.01 / 0.6, 0.05])
    assert levels(LARGE, "share") == pytest.approx([1 / 3, 1.0])


def test_own_ranges_are_filled():
    assert levels(SMALL, "own") == levels(LARGE, "own") == pytest.approx([0.0, 1.0])
    assert levels(heatmap([[0.3, 0.3]]), "own") == [0.0, 0.0]


def test_the_scale_reaches_as_far_as_all_but_a_hundredth_of_the_places():
    values = torch.full((1, 1000), 0.1)
    values[0, 0] = 1e-6
    assert widest([heatmap(values.tolist())]) == pytest.approx(0.1)
    assert widest([SMALL]) == pytest.approx(1.0, abs=0.01)


def test_a_word_without_any_attention_has_the_colour_of_its_mean():
    assert levels(heatmap([[0.0, 0.0]]), "relative") == [0.5, 0.5]
    assert levels(heatmap([[0.0, 0.2]]), "relative")[0] == 0.0


@pytest.mark.parametrize("scale", ["relative", "share", "own"])
def test_two_models_make_two_rows_of_the_same_squares(scale):
    row = MapRow(label="a model", maps={"dog": SMALL, "rain": LARGE}, log_mel=torch.zeros(256, 200))
    one = attention_picture([row], scale=scale, side=96)
    two = attention_picture([row, row], scale=scale, side=96)
    assert two.width == one.width
    assert two.height > 1.5 * one.height
