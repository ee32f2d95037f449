from importlib import import_module

import pytest

from auffusion.baselines import BASELINES, Sampling, find_baseline
from auffusion.errors import InputError

# Steps, guidance and seconds: the authors' own evaluation, which the paper compares with
# (Tango: inference_hf.py; AudioLDM and AudioLDM2: 200 steps, the pipelines' guidance; AudioGen:
# audiocraft's defaults; TangoFlux: its paper). The re-trained Riffusion: the paper, App. C.
RUN = {
    "riffusion": (50, 7.0, 10.0),
    "riffusion-retrained": (100, 7.5, 10.0),
    "audiogen-v2-medium": (None, 3.0, 10.0),
    "audioldm-s-full-v2": (200, 2.5, 10.24),
    "audioldm-l-full": (200, 2.5, 10.24),
    "audioldm2": (200, 3.5, 10.24),
    "audioldm2-large": (200, 3.5, 10.24),
    "tango": (200, 3.0, 10.0),
    "tango-full": (200, 3.0, 10.0),
    "tangoflux": (50, 4.5, 10.0),
}
# The rows of the paper's Table 1 that are not its own.
TABLE_1 = ["Riffusion", "AudioGen-v2-medium", "AudioLDM-S-full-v2", "AudioLDM-L-full"]
TABLE_1 += ["AudioLDM2", "AudioLDM2-large", "Tango", "Tango-Full"]


def test_every_rival_of_table_1_is_there():
    titles = [entry.title for entry in BASELINES.values()]
    assert [title for title in titles if title in TABLE_1] == TABLE_1
    assert len(set(titles)) == len(titles)


def test_each_runs_as_it_was_compared():
    found = {
        name: (e.sampling.steps, e.sampling.guidance, e.sampling.length_s)
        for name, e in BASELINES.items()
    }
    assert found == RUN


@pytest.mark.parametrize("entry", BASELINES.values(), ids=lambda entry: entry.name)
def test_what_loads_it_is_where_the_table_says(entry):
    module, function = entry.home.split(":")
    assert callable(getattr(import_module(module), function))
    assert entry.license


def test_a_name_of_nothing_is_said_with_the_names_there_are():
    with pytest.raises(
        InputError, match=r"no baseline 'musiclm': choose of riffusion, .*tangoflux"
    ):
        find_baseline("musiclm")


def test_what_is_not_asked_for_is_the_default():
    tango = find_baseline("tango")
    assert tango.choose() == tango.sampling
    assert tango.choose(steps=10) == Sampling(steps=10, guidance=3.0, length_s=10.0)


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("tango", {"steps": 0}, "steps is 0"),
        ("tango", {"guidance": -1.0}, "guidance is -1"),
        ("tango", {"guidance": float("nan")}, "guidance is nan"),
        ("tango", {"length_s": 0.0}, "length is 0"),
        ("tango", {"length_s": float("inf")}, "length is inf"),
        ("tango", {"length_s": 11.0}, "up to 10.24 s, not of 11.0 s"),
        ("audiogen-v2-medium", {"steps": 50}, "has no denoising steps"),
        ("audiogen-v2-medium", {"length_s": 10.5}, "up to 10.0 s"),
    ],
)
def test_what_a_system_cannot_do_is_said(name, asked, said):
    with pytest.raises(InputError, match=said):
        find_baseline(name).choose(**asked)


def test_samples_are_whole():
    assert Sampling(steps=1, guidance=1.0, length_s=10.24).samples == 163_840
    assert Sampling(steps=1, guidance=1.0, length_s=1e-9).samples == 1
