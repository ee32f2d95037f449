"""The table of squares: what is bright lies where it should, in the colours of the scale."""

import numpy as np
import torch

from auffusion.image.colour import PLASMA, VIRIDIS
from auffusion.image.squares import Row, Scale, Square, levels_of, table_of_squares

SIDE = 128
LEFT, TOP = 64, 16 + 2 * 22  # pixels before the first square


def square(heading="dog", unit=None, seconds=10.0):
    unit = torch.zeros(32, 128) if unit is None else unit
    return Square(heading=heading, unit=unit, seconds=seconds, colours=PLASMA)


def drawn(*rows):
    return np.asarray(table_of_squares(list(rows), side=SIDE))


def test_a_bright_corner_is_at_its_corner():
    unit = torch.zeros(32, 128)
    unit[:16, 64:] = 1.0  # high and late
    figure = drawn(Row(label="model", squares=[square(unit=unit)]))
    inside = figure[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    assert (inside[4:56, 72:124] == PLASMA[255]).all()
    assert (inside[72:124] == PLASMA[0]).all()
    assert (inside[:, 4:56] == PLASMA[0]).all()


def test_every_picture_is_stretched_to_the_same_square():
    narrow, wide = torch.ones(4, 8), torch.ones(64, 16)
    figure = drawn(Row(label="", squares=[square(unit=narrow), square(unit=wide)]))
    for left in (LEFT, LEFT + SIDE + 16):
        assert (figure[TOP : TOP + SIDE, left : left + SIDE] == PLASMA[255]).all()


def test_rows_stand_below_each_other_with_their_scales():
    scale = Scale(ticks=[(0.0, "low"), (1.0, "high")], colours=PLASMA, caption="share")
    row = Row(label="model", squares=[square()], scale=scale)
    one, two = drawn(row), drawn(row, row)
    step = two.shape[0] - one.shape[0]
    assert two.shape[1] == one.shape[1] == LEFT + SIDE + 16 + 16 + 64 + 16
    assert (two[step + 16 : step + TOP + SIDE] == one[16 : TOP + SIDE]).all()
    bar = one[TOP : TOP + SIDE, LEFT + SIDE + 16 + 4]
    assert (bar[0] == PLASMA[254]).all()  # half of the levels have a pixel
    assert (bar[-1] == PLASMA[0]).all()


def test_a_long_heading_stays_within_its_square():
    short = drawn(Row(label="", squares=[square("dog"), square("a")]))
    long = drawn(Row(label="", squares=[square("dog " * 300), square("a")]))
    beside = slice(LEFT + SIDE, None)
    assert (long[:, beside] == short[:, beside]).all()


def test_levels_are_smoothed_and_not_colours():
    step = torch.cat([torch.zeros(1, 4), torch.ones(1, 4)], dim=1)
    levels = levels_of(step, 64, 1)[0]
    assert (np.diff(levels.astype(int)) >= 0).all()
    assert levels[0] == 0
    assert levels[-1] == 255
    assert ((levels > 0) & (levels < 255)).sum() > 4
    assert levels_of(torch.tensor([[2.0, -1.0]]), 2, 1).tolist() == [[255, 0]]


def test_a_sound_beside_maps_keeps_its_own_colours():
    sound = Square(heading="sound", unit=torch.ones(256, 100), seconds=1.0)
    figure = drawn(Row(label="", squares=[sound, square()]))
    assert (figure[TOP + 20, LEFT + 20] == VIRIDIS[255]).all()
