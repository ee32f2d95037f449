"""The figure: a tone is drawn at its label, a click at its second."""

import numpy as np
import pytest
import torch

from auffusion.image import Mark, Panel, spectrogram_figure, stacked_figure
from auffusion.image.axes import hertz_ticks, second_ticks
from auffusion.image.colour import VIRIDIS
from auffusion.image.scale import LOUDEST, SILENCE
from auffusion.mel import MelConfig, MelSpectrogram

LEFT = 64  # pixels left of the plot, for the labels


def silence(frames):
    return torch.full((256, frames), SILENCE)


def plot_height(share):
    """Row of a figure without title at a share of the plot's height, 0 at the bottom."""
    return 16 + 511 - round(share * 511)


@pytest.mark.parametrize("hertz", [500, 1000, 4000])
def test_a_tone_lies_at_its_tick(hertz):
    time_s = torch.arange(16000, dtype=torch.float64) / 16000
    tone = torch.sin(2 * torch.pi * hertz * time_s).float()[None]
    figure = np.asarray(spectrogram_figure(MelSpectrogram()(tone)[0], colour_bar=False))
    middle = figure[16 : 16 + 512, LEFT + 320].astype(int)
    brightest = 16 + np.argmax(middle.sum(axis=1))  # viridis rises in lightness
    (share,) = [share for share, label in hertz_ticks(MelConfig()) if label == str(hertz)]
    assert brightest == pytest.approx(plot_height(share), abs=3)  # a band has two pixels


def test_a_click_lies_at_its_second():
    log_mel = silence(1000)
    log_mel[:, 250] = LOUDEST  # 2.5 s of 10 s
    figure = np.asarray(spectrogram_figure(log_mel, colour_bar=False))
    columns = np.flatnonzero((figure[100] == VIRIDIS[255]).all(axis=-1))
    assert columns.tolist() == [LEFT + 250]


@pytest.mark.parametrize(
    ("duration_s", "labels"),
    [
        (10.24, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
        (0.5, ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5"]),
        (
            0.01,
            ["0", "0.001", "0.002", "0.003", "0.004"] + [f"0.00{i}" for i in "56789"] + ["0.01"],
        ),
        (60.0, ["0", "10", "20", "30", "40", "50", "60"]),
        (600.0, ["0", "100", "200", "300", "400", "500", "600"]),
    ],
)
def test_seconds_are_round_and_few(duration_s, labels):
    assert [label for _, label in second_ticks(duration_s)] == labels


def test_the_middle_of_the_lowest_and_highest_band_are_half_a_row_inside():
    config = MelConfig(
        bands=4, low_hz=0.0, high_hz=1000.0
    )  # linear below 1 kHz: edges 200 Hz apart
    ticks = {label: share for share, label in hertz_ticks(config)}
    # Band b is centred on 200·(b + 1) Hz, and a band is a quarter of the height.
    assert ticks["500"] == pytest.approx((500 / 200 - 0.5) / 4)
    assert (ticks["0"], ticks["1000"]) == (0.0, 1.0)


@pytest.mark.parametrize(("frames", "width"), [(1, 640), (640, 640), (1024, 1024), (9000, 1600)])
def test_the_plot_grows_with_the_sound_within_limits(frames, width):
    figure = spectrogram_figure(silence(frames), colour_bar=False)
    assert figure.width == LEFT + width + 24


def test_a_long_sound_is_averaged_and_not_thinned_out():
    log_mel = silence(3200)
    log_mel[:, 1::2] = LOUDEST
    figure = np.asarray(spectrogram_figure(log_mel, colour_bar=False))
    assert (np.abs(figure[100, LEFT:-24].astype(int) - VIRIDIS[127]) <= 2).all()


def test_a_title_of_any_length_and_kind_is_one_line_within_the_plot():
    plain = spectrogram_figure(silence(10))
    titled = spectrogram_figure(silence(10), title="a dog\nbarks \0 犬 🐕 " * 10_000)
    assert titled.width == plain.width
    ink = (np.asarray(titled)[:31] < 128).any(axis=(0, 2))
    assert ink.any()
    assert np.flatnonzero(ink).max() <= LEFT + 640


def test_the_colour_bar_shows_every_colour():
    figure = np.asarray(spectrogram_figure(silence(10)))
    column = figure[16 : 16 + 512, LEFT + 640 + 24 + 8]
    assert np.array_equal(np.unique(column, axis=0), np.unique(VIRIDIS, axis=0))
    assert column[0].tolist() == VIRIDIS[255].tolist()


def stacked(*panels):
    return np.asarray(stacked_figure(panels))


def test_panels_stand_above_each_other_over_one_time_axis():
    long, short = silence(1000), silence(500)
    long[:, 750], short[:, 250] = LOUDEST, LOUDEST  # 7.5 s of 10 s, 2.5 s of 5 s
    figure = stacked(Panel(log_mel=long, title="before"), Panel(log_mel=short, title="after"))
    upper, lower = 16 + 22 + 128, 16 + 22 + 128 + 22 + 256 + 4
    for row, column in ((upper, 750), (lower, 250)):
        found = np.flatnonzero((figure[row] == VIRIDIS[255]).all(axis=-1))
        assert found[found < LEFT + 1000].tolist()[:1] == [LEFT + column]
    assert (figure[lower, LEFT + 600] == 255).all()


def marked(figure):
    """Rows and columns of the first panel that hold the marker's colour."""
    red = (figure[16 + 22 : 16 + 22 + 256, LEFT : LEFT + 1000] == (255, 72, 56)).all(axis=-1)
    return np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0)), red


def test_a_mark_frames_its_seconds_and_its_frequencies():
    box = Mark(start_s=2.5, end_s=7.5, low_hz=1000.0, high_hz=4000.0)
    rows, columns, red = marked(stacked(Panel(log_mel=silence(1000), marks=[box])))
    assert (columns.min(), columns.max()) == pytest.approx((250, 750), abs=1)
    ticks = {label: 255 - round(share * 255) for share, label in hertz_ticks(MelConfig())}
    assert (rows.min(), rows.max()) == (ticks["4000"], ticks["1000"])
    assert not red[(rows.min() + rows.max()) // 2, 260:740].any()


def test_an_interval_is_framed_from_top_to_bottom_and_hatched_where_asked():
    interval = Mark(start_s=9.0, end_s=99.0, hatched=True)
    rows, columns, red = marked(stacked(Panel(log_mel=silence(1000), marks=[interval])))
    assert (rows.min(), rows.max(), columns.max()) == (0, 255, 999)
    assert 0.05 < red[:, 905:995].mean() < 0.3
