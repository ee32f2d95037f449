"""Discriminators against what their definition says of any weights, and the published sizes."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.signal import convolve

from auffusion.errors import InputError
from auffusion.vocoder import DiscriminatorConfig, Discriminators, add_weight_norm, fold_weight_norm
from auffusion.vocoder.hifigan import HifiGan, HifiGanConfig

SMALL = DiscriminatorConfig(
    periods=(2, 3, 5), period_channels=(4, 8, 8), scale_channels=(4, 4, 8, 8, 8, 8, 8)
)


@pytest.fixture
def judges():
    torch.manual_seed(0)
    return Discriminators(SMALL).eval()


def sound(samples, seed=0):
    return torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))


def test_the_default_ones_have_the_published_sizes():
    with torch.device("meta"):
        judges = Discriminators()
    by_period, by_scale = (
        # Without the magnitudes that weight norm adds.
        sum(p.numel() for name, p in part.named_parameters() if not name.endswith("original0"))
        for part in (judges.by_period, judges.by_scale)
    )
    # 41.1 M and 29.6 M, as jik876/hifi-gan has them; here from its layers' sizes.
    channels = [1, 32, 128, 512, 1024, 1024]
    one = sum(a * b * 5 + b for a, b in pairwise(channels)) + 1024 * 3 + 1
    assert by_period == 5 * one == 41_092_165
    channels, kernels = [1, 128, 128, 256, 512, 1024, 1024, 1024], [15, 41, 41, 41, 41, 41, 5]
    groups = [1, 4, 16, 16, 16, 16, 1]
    layers = zip(pairwise(channels), kernels, groups, strict=True)
    one = sum(a * b * kernel // group + b for (a, b), kernel, group in layers) + 1024 * 3 + 1
    assert by_scale == 3 * one == 29_610_627


def test_a_period_discriminator_sees_one_sample_of_each_period(judges):
    """A changed sample changes scores only in the column of its phase."""
    judge = judges.by_period[2]  # every fifth sample
    before = sound(200)
    after = before.clone()
    after[:, 101] += 1.0
    changed = (judge(before)[-1] - judge(after)[-1]).abs() > 1e-7
    assert changed.any(dim=(0, 1, 2)).tolist() == [False, True, False, False, False]


def test_each_next_scale_hears_the_mean_of_four_samples_at_every_second(judges):
    waveform = sound(960)
    judged = judges(waveform)
    thinned = waveform
    for judge, score in zip(judges.by_scale, judged.scores[3:], strict=True):
        torch.testing.assert_close(score, judge(thinned)[-1].flatten(1))
        rows = [convolve(row.numpy(), np.full(4, 0.25))[1::2] for row in thinned]
        thinned = torch.from_numpy(np.stack(rows)).float()


def test_the_first_scale_is_spectrally_normed_and_the_others_are_not(judges):
    judges.train()
    for _ in range(50):
        judges.by_scale[0](sound(960))

    def largest(judge):
        return [torch.linalg.matrix_norm(x.weight.flatten(1), 2).item() for x in judge.layers]

    assert largest(judges.by_scale[0]) == pytest.approx([1.0] * 7, abs=0.02)
    assert largest(judges.by_scale[1]) != pytest.approx([1.0] * 7, abs=0.2)


def test_an_item_is_judged_the_same_whatever_its_neighbours(judges):
    both, alone = judges(sound(960)), judges(sound(960)[1:])
    for one, other in zip(both.scores, alone.scores, strict=True):
        torch.testing.assert_close(one[1:], other)


def test_a_length_that_is_no_multiple_of_the_period_is_mirrored_at_its_end(judges):
    waveform = sound(199)
    mirrored = torch.cat([waveform, waveform[:, -2:-1]], dim=1)
    torch.testing.assert_close(judges.by_period[2](waveform)[-1], judges.by_period[2](mirrored)[-1])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"periods": (), "scales": 0}, "there is no discriminator"),
        ({"scale_channels": (4, 4)}, "must be seven numbers"),
        ({"periods": (0,)}, "must not be negative"),
    ],
)
def test_what_judges_nothing_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        DiscriminatorConfig(**given)


def test_weight_norm_changes_no_sound_and_folds_away():
    torch.manual_seed(0)
    generator = HifiGan(HifiGanConfig(num_mels=8, upsample_initial_channel=16)).eval()
    log_mel = torch.randn(1, 8, 6)
    with torch.no_grad():
        before = generator(log_mel)
        weights = {name: value.clone() for name, value in generator.state_dict().items()}
        add_weight_norm(generator)
        torch.testing.assert_close(generator(log_mel), before, atol=1e-6, rtol=1e-5)
    folded = fold_weight_norm(generator.state_dict())
    assert folded.keys() == weights.keys()
    for name, value in folded.items():
        torch.testing.assert_close(value, weights[name], atol=1e-6, rtol=1e-5)
