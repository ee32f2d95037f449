import torch

from auffusion.cli.choices import Precision, Sampler
from auffusion.denoise import SCHEDULERS


def test_the_samplers_of_the_help_page_are_those_there_are():
    assert {sampler.value for sampler in Sampler} == set(SCHEDULERS)


def test_every_precision_is_one_of_torch():
    assert all(isinstance(getattr(torch, name.value), torch.dtype) for name in Precision)
