"""Maps on the axes of a sound: geometry from the layers, seconds and Hz from the front-end."""

import librosa
import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from auffusion.attention import (
    TANGO_AXES,
    AttentionSite,
    AttentionStore,
    Extent,
    Selection,
    controlled,
    pooled,
    word_heatmap,
)
from auffusion.denoise import ClassifierFreeGuidance, SeededScheduler, denoise, unet_call
from auffusion.errors import InputError
from auffusion.mel import MelConfig

WHOLE = Extent(mel=MelConfig(), frames=1024, shown_s=10.24)


def stored(*pictures, names=None):
    """A store that has seen these pictures [height, width] of one word."""
    store = AttentionStore(columns=[[1]])
    for number, picture in enumerate(pictures):
        height, width = picture.shape
        name = f"layer {number}" if names is None else names[number]
        site = AttentionSite(name=name, place="up", cross=True, height=height, width=width)
        probabilities = torch.zeros(1, 2, height * width, 3)
        probabilities[..., 1] = picture.flatten()
        store.attend(site, probabilities)
    return store


def spot(height, width, rows, columns):
    picture = torch.zeros(height, width)
    picture[rows, columns] = 1.0
    return picture


def test_the_last_quarter_of_the_latent_is_the_last_quarter_of_the_time():
    heatmap = word_heatmap(stored(spot(32, 128, slice(0, 8), slice(96, 128))), 0, WHOLE)
    assert heatmap.values.shape == (32, 128)
    bright = heatmap.values > 0.5
    assert bright[:8, 96:].all()
    assert bright.sum() == 8 * 32
    assert heatmap.edges_s[96] == pytest.approx(7.68)
    assert heatmap.edges_hz[0] == 8000
    assert heatmap.edges_hz[-1] == 0


def test_hertz_are_those_of_the_bands():
    edges = word_heatmap(stored(torch.zeros(32, 128)), 0, WHOLE).edges_hz
    middles = librosa.mel_frequencies(258, fmin=0.0, fmax=8000.0)[1:-1]
    for row in range(1, 32):
        lower, upper = middles[256 - 8 * row - 1], middles[256 - 8 * row]
        assert lower < edges[row] < upper
    assert (np.diff(edges) < 0).all()


def test_coarse_layers_are_enlarged_to_the_finest_and_averaged():
    fine, coarse = torch.full((8, 32), 0.2), torch.full((4, 16), 0.6)
    heatmap = word_heatmap(stored(fine, coarse, coarse), 0, WHOLE)
    assert heatmap.values.shape == (8, 32)
    torch.testing.assert_close(heatmap.values, torch.full((8, 32), (0.2 + 0.6 + 0.6) / 3))
    left = word_heatmap(stored(spot(4, 16, slice(None), slice(0, 4)), fine), 0, WHOLE)
    assert left.values[:, :6].min() > 0.59
    assert left.values[:, 10:].max() < 0.11


def test_layers_can_be_chosen():
    store = stored(torch.full((8, 32), 0.2), torch.full((4, 16), 0.6), names=["fine", "coarse"])
    heatmap = word_heatmap(store, 0, WHOLE, selection=Selection(layers=["coarse"]))
    assert heatmap.values.shape == (4, 16)


def test_what_lies_behind_the_sound_is_cut_off():
    extent = Extent(mel=MelConfig(), frames=256, shown_s=2.0)  # 32 columns of 0.08 s
    heatmap = word_heatmap(stored(spot(8, 32, 0, 31)), 0, extent)
    assert heatmap.values.shape == (8, 25)
    assert heatmap.values.max() == 0
    assert heatmap.seconds == 2.0
    half = Extent(mel=MelConfig(), frames=256, shown_s=2.04)
    begun = word_heatmap(stored(spot(8, 32, 0, 25)), 0, half)
    assert begun.values.shape == (8, 26)
    assert begun.values[0, 25] == 1
    assert begun.seconds == pytest.approx(2.04)


def test_tangos_latents_lie_on_their_side():
    # Late and low: the last rows, the first columns.
    picture = spot(256, 16, slice(192, 256), slice(0, 4))
    extent = Extent(mel=MelConfig(bands=64), frames=1024, shown_s=10.24)
    heatmap = word_heatmap(stored(picture), 0, extent, axes=TANGO_AXES)
    assert heatmap.values.shape == (16, 256)
    bright = heatmap.values > 0.5
    assert bright[12:, 192:].all()
    assert bright.sum() == 4 * 64


def test_an_unknown_column_is_refused():
    with pytest.raises(InputError, match="no column 1: the store has 1, from 0"):
        word_heatmap(stored(torch.zeros(8, 32)), 1, WHOLE)


def test_a_spectrogram_is_pooled_to_the_places_of_a_map():
    log_mel = torch.zeros(256, 1000)
    log_mel[128:, 500:] = 1.0  # high and late
    extent = Extent(mel=MelConfig(), frames=1024, shown_s=10.0)
    heatmap = word_heatmap(stored(torch.zeros(32, 128)), 0, extent)
    found = pooled(log_mel, heatmap, 0.01)
    assert found.shape == heatmap.values.shape == (32, 125)
    assert found[:16, 63:].min() == 1.0
    assert found[:16, :62].max() == 0.0
    assert found[16:].max() == 0.0
    assert found[0, 62] == 0.5  # frames 496 to 503


@pytest.fixture(scope="module")
def tango():
    """Tango's kind of U-Net: time downwards, FLAN-T5-large's 1024 features, a head size."""
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=(64, 16),
        in_channels=8,
        out_channels=8,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 32, 32),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=1024,
        attention_head_dim=[2, 4, 4],
        use_linear_projection=True,
        upcast_attention=True,
    ).eval()


def test_a_tango_style_model_is_watched_through_the_same_door(tango):
    words, length = [[1], [2, 3]], 12
    noise = torch.Generator().manual_seed(1)
    text = torch.randn(2, length, 1024, generator=noise)
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[0, 1:], mask[1, 7:] = False, False
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", prediction_type="v_prediction")
    walk = SeededScheduler.prepared(scheduler, 3, [noise])
    guidance = ClassifierFreeGuidance(
        unet_call(tango, encoder_attention_mask=mask), text[1:], text[:1], 3.0
    )
    store, every = AttentionStore(columns=words), AttentionStore()
    start = torch.randn(1, 8, 64, 16, generator=noise)
    for one in (store, every):
        one.begin(3)
        with controlled(tango, one, 1):
            denoise(guidance, walk, start, on_step=one.on_step)
        walk = SeededScheduler.prepared(scheduler, 3, [torch.Generator().manual_seed(1)])
    whole = every.aggregate((64, 16))
    torch.testing.assert_close(whole.sum(-1), torch.ones(64, 16), atol=1e-5, rtol=0)
    assert whole[..., 7:].max() < 1e-6
    assert {(one.site.height, one.site.width) for one in store.maps()} == {
        (64, 16),
        (32, 8),
        (16, 4),
    }
    extent = Extent(mel=MelConfig(bands=64), frames=256, shown_s=2.56)
    heatmap = word_heatmap(store, 1, extent, axes=TANGO_AXES)
    assert heatmap.values.shape == (16, 64)
    assert heatmap.edges_s[-1] == pytest.approx(2.56)
    assert 0 < heatmap.values.min() < heatmap.values.max() < 1
