import numpy as np
import pytest

from auffusion.data.doctor.clipping import clipped_share


def tone(hz, level=1.0, rate=16_000):
    return (level * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).astype(np.float32)


@pytest.mark.parametrize("hz", [1, 5, 20, 50, 440, 3_000, 7_999])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.99997, 1.0])
def test_a_whole_tone_is_not_clipped_whatever_its_pitch_and_level(hz, level):
    assert clipped_share(tone(hz, level)) == 0.0


@pytest.mark.parametrize("ceiling", [0.2, 0.7, 1.0])
def test_the_share_is_that_of_the_tops_that_were_cut(ceiling):
    cut = np.clip(tone(100, 2.0 * ceiling), -ceiling, ceiling)
    # |sin| is above a half in two thirds of a period.
    assert clipped_share(cut) == pytest.approx(2 / 3, abs=0.01)


def test_one_side_is_enough():
    assert clipped_share(np.minimum(tone(100, 0.8), 0.4)) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(("run", "share"), [(2, 0.0), (3, 0.003), (4, 0.004)])
def test_three_samples_make_a_top_and_two_do_not(run, share):
    samples = np.zeros(1_000, np.float32)
    samples[500 : 500 + run] = 1.0
    assert clipped_share(samples) == pytest.approx(share)


@pytest.mark.parametrize(("beside", "counts"), [(0.985, False), (0.975, True)])
def test_a_top_without_a_step_is_a_smooth_one(beside, counts):
    samples = np.full(1_000, 0.5 * beside, np.float32)
    samples[500:510] = 0.5
    assert (clipped_share(samples) > 0) is counts


def test_eight_bits_of_a_quiet_sound_are_not_clipping():
    steps = np.round(tone(20, 0.09) * 128) / 128
    assert clipped_share(steps.astype(np.float32)) == 0.0


def test_what_exceeds_full_scale_is_a_top():
    samples = np.zeros(1_000, np.float32)
    samples[500:505] = [1.2, 1.5, 1.4, 1.5, 1.1]
    assert clipped_share(samples) == pytest.approx(0.005)


def test_a_constant_and_nothing_at_all_are_not_clipped():
    assert clipped_share(np.ones(1_000, np.float32)) == 0.0
    assert clipped_share(np.zeros(0, np.float32)) == 0.0


@pytest.mark.parametrize("name", ["drums", "guitar", "steam", "crow"])
def test_real_sounds_are_clipped_when_they_are_overdriven_and_only_then(real, name):
    sound = real[name] / 32_768
    loud = sound / np.abs(sound).max()
    assert clipped_share(loud.astype(np.float32)) == 0.0
    assert clipped_share(np.clip(3 * loud, -1, 1).astype(np.float32)) > 0.01
    assert clipped_share((0.3 * np.clip(3 * loud, -1, 1)).astype(np.float32)) > 0.01
