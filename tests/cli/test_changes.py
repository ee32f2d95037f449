import torch

from auffusion.cli.edit.changes import changed_marks
from auffusion.mel import MelConfig

MEL = MelConfig()
BEFORE = torch.randn(256, 400, generator=torch.Generator().manual_seed(1))


def test_what_is_the_same_has_no_mark():
    assert changed_marks(BEFORE, BEFORE.clone(), MEL) == []


def test_the_times_that_differ_are_marked_and_small_gaps_belong_to_them():
    after = BEFORE.clone()
    after[:, 100:150] += 1.0  # nearly 9 dB
    after[:, 160:200] += 1.0  # a tenth of a second later
    after[:, 300:] += 1.0
    after[:, 250:260] += 0.05  # less than half a decibel
    marks = [(mark.start_s, mark.end_s) for mark in changed_marks(BEFORE, after, MEL)]
    assert marks == [(1.0, 2.0), (3.0, 4.0)]
