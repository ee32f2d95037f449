"""The picture codec against closed forms: flip, channels, clamp, round trip, config."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auffusion.errors import InputError
from auffusion.image import (
    ClipMinMax8Bit,
    DatasetStandardisation,
    FixedLogRange,
    MelImageCodec,
)
from auffusion.mel import MelSpectrogram

LOW, HIGH = -11.512925464970229, 5.298317366548036  # ln 1e-5 and ln 200, to all digits


def ramp(bands=4, frames=6):
    return torch.linspace(LOW, HIGH, bands * frames).reshape(1, bands, frames)


def test_the_default_range_is_that_of_the_published_checkpoints():
    scale = FixedLogRange()
    assert (scale.low, scale.high) == (LOW, HIGH)
    assert scale.high - scale.low == pytest.approx(16.811242831518264, abs=1e-14)


def test_the_picture_is_the_affine_map_flipped_in_three_equal_channels():
    image = MelImageCodec().encode(ramp())
    expected = torch.linspace(0, 1, 24).reshape(4, 6)
    assert image.shape == (1, 3, 4, 6)
    for channel in image[0]:
        torch.testing.assert_close(channel, expected.flip(0), atol=1e-6, rtol=0)


def test_silence_is_exactly_black():
    log_mel = MelSpectrogram()(torch.zeros(1, 1600))
    assert torch.equal(MelImageCodec().encode(log_mel), torch.zeros(1, 3, 256, 10))


def test_the_highest_band_is_in_row_0():
    log_mel = torch.full((1, 8, 5), LOW)
    log_mel[:, 7] = HIGH
    image = MelImageCodec().encode(log_mel)
    assert torch.equal(image[:, :, 0], torch.ones(1, 3, 5))
    assert torch.equal(image[:, :, 1:], torch.zeros(1, 3, 7, 5))


def test_decoding_reads_the_first_channel_and_not_the_mean():
    image = MelImageCodec().encode(ramp())
    image[:, 1:] = torch.rand(1, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(MelImageCodec().decode(image), ramp(), atol=2e-6, rtol=0)


def test_values_outside_the_range_are_clamped_to_its_ends():
    log_mel = torch.tensor([[[LOW - 3, HIGH + 3]]])
    decoded = MelImageCodec().decode(MelImageCodec().encode(log_mel))
    torch.testing.assert_close(decoded, torch.tensor([[[LOW, HIGH]]]), atol=2e-6, rtol=0)


def test_a_half_precision_picture_is_decoded_in_single_precision():
    image = MelImageCodec().encode(ramp()).half()
    exact = image[:, 0].double().flip(-2) * (HIGH - LOW) + LOW
    decoded = MelImageCodec().decode(image)
    assert decoded.dtype == torch.float32
    torch.testing.assert_close(decoded.double(), exact, atol=2e-6, rtol=0)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.floats(LOW, HIGH), min_size=1, max_size=32))
def test_the_fixed_range_inverts(values):
    log_mel = torch.tensor([[values]], dtype=torch.float32)
    decoded = MelImageCodec().decode(MelImageCodec().encode(log_mel))
    torch.testing.assert_close(decoded, log_mel, atol=2e-6, rtol=0)


@settings(max_examples=200, deadline=None)
@given(
    mean=st.floats(-9, -3),
    deviation=st.floats(1.5, 3.5),
    steps=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=32),
)
def test_the_data_set_scale_inverts_within_its_reach(mean, deviation, steps):
    codec = MelImageCodec(DatasetStandardisation(mean=mean, deviation=deviation))
    within = mean + 4.0 * deviation * torch.tensor([[steps]], dtype=torch.float64)
    log_mel = within.clamp(LOW, HIGH).float()
    decoded = codec.decode(codec.encode(log_mel))
    torch.testing.assert_close(decoded, log_mel, atol=2e-6, rtol=0)


def test_a_standardised_data_set_has_mean_one_half_and_deviation_one_over_twice_the_reach():
    log_mel = torch.randn(1, 64, 512, generator=torch.Generator().manual_seed(1)) * 1.5 - 5.0
    scale = DatasetStandardisation(
        mean=log_mel.mean().item(), deviation=log_mel.std().item(), reach=5.0
    )
    unit = scale.to_unit(log_mel)
    assert unit.mean().item() == pytest.approx(0.5, abs=1e-6)
    assert unit.std().item() == pytest.approx(1 / 10, rel=1e-5)


def test_the_clip_scale_fills_256_levels_of_each_clip_alone():
    unit = ClipMinMax8Bit().to_unit(torch.cat([ramp(), ramp() / 7 - 2]))
    levels = unit * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)
    assert unit.amin(dim=(1, 2)).tolist() == [0.0, 0.0]
    assert unit.amax(dim=(1, 2)).tolist() == [1.0, 1.0]


def test_the_clip_scale_makes_a_constant_clip_black():
    assert torch.equal(ClipMinMax8Bit().to_unit(torch.full((1, 4, 4), -3.0)), torch.zeros(1, 4, 4))


def test_the_reported_quantisation_loss_is_that_of_an_even_error_within_a_step():
    # A ramp's rounding error is uniform within one step: its root mean square is step / √12.
    loss = ClipMinMax8Bit().round_trip_loss(ramp(100, 100))
    assert loss.quantisation == pytest.approx((HIGH - LOW) / 255 / math.sqrt(12), rel=1e-2)
    assert loss.total == pytest.approx(loss.quantisation, rel=1e-3)  # it fills the whole range


def test_the_reported_total_loss_is_what_the_codec_loses():
    codec = MelImageCodec(scale := ClipMinMax8Bit())
    quiet = ramp(16, 16) / 2 - 5
    lost = (codec.decode(codec.encode(quiet)) - quiet).square().mean().sqrt().item()
    loss = scale.round_trip_loss(quiet)
    assert loss.total == pytest.approx(lost, rel=1e-5)
    assert loss.total > 50 * loss.quantisation


@pytest.mark.parametrize(
    "scale",
    [
        FixedLogRange(),
        FixedLogRange(low=-12.25, high=3.1),
        DatasetStandardisation(mean=-5.1234567890123, deviation=2.1, reach=3.5),
        ClipMinMax8Bit(),
    ],
)
def test_a_config_survives_json(scale):
    codec = MelImageCodec(scale)
    assert MelImageCodec.from_config(json.loads(json.dumps(codec.to_config()))) == codec


def test_a_config_may_leave_out_what_has_a_default():
    assert MelImageCodec.from_config({"kind": "fixed-log-range"}) == MelImageCodec()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "kind None is unknown: expected one of fixed-log-range, "),
        ({"kind": "sepia"}, "kind 'sepia' is unknown"),
        ({"kind": ["fixed-log-range"]}, "is unknown"),
        ({"kind": "fixed-log-range", "gamma": 1.0}, "no entry 'gamma': expected low, high"),
        ({"kind": "fixed-log-range", "low": "dark"}, "'low' .* must be a number, not 'dark'"),
        ({"kind": "fixed-log-range", "low": True}, "'low' .* must be a number, not True"),
        ({"kind": "fixed-log-range", "low": 9}, "is not a range"),
        ({"kind": "clip-min-max-8bit", "high": math.nan}, "is not a range"),
        ({"kind": "dataset-standardisation", "mean": 0.0}, "incomplete: .*deviation"),
        ({"kind": "dataset-standardisation", "mean": 0, "deviation": 0}, "the last two above zero"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(config, message):
    with pytest.raises(InputError, match=message):
        MelImageCodec.from_config(config)


def test_a_scale_of_ones_own_works_but_cannot_be_stored():
    class Identity:
        def to_unit(self, log_mel):
            return log_mel

        def from_unit(self, unit):
            return unit

    codec = MelImageCodec(Identity())
    assert torch.equal(codec.decode(codec.encode(ramp())), ramp())
    with pytest.raises(InputError, match="Identity has no name to be stored under"):
        codec.to_config()
