"""Protocols: those that are shipped, and what a file of one's own may not say."""

import hashlib
from importlib.resources import files

import pytest

from auffusion.errors import InputError
from auffusion.evaluate.divergence import Activation, Direction
from auffusion.evaluate.extractors import EXTRACTORS
from auffusion.evaluate.measure import Measure, Needs
from auffusion.evaluate.measures import Pieces
from auffusion.evaluate.protocol import KINDS, protocol_names, read_protocol

SCORE = """
[[score]]
name = "fd_mine"
title = "FD (mine)"
better = "lower"
kind = "frechet"
extractor = "aisfx"
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "mine.toml").write_text(text)
        return read_protocol(tmp_path / "mine.toml")

    return read


@pytest.mark.parametrize("name", protocol_names())
def test_every_shipped_protocol_names_networks_that_exist_and_says_where_it_is_from(name):
    protocol = read_protocol(name)
    assert protocol.name == name
    assert protocol.about
    assert all(source.startswith("https://") for source in protocol.sources)
    assert set(protocol.extractors) <= set(EXTRACTORS)
    for score in protocol.scores:
        assert isinstance(score.measure, Measure)
        assert score.measure.fewest >= 1
    content = files("auffusion.evaluate").joinpath("protocols", f"{name}.toml").read_bytes()
    assert protocol.sha256 == hashlib.sha256(content).hexdigest()


def test_the_papers_protocol_makes_the_papers_choices():
    scores = {one.name: one.measure for one in read_protocol("auffusion-2024").scores}
    assert list(scores) == [
        "fd_cnn14",
        "fad_vggish",
        "kl_cnn14",
        "is_cnn14",
        "clap_htsat_unfused",
    ]
    assert (scores["fd_cnn14"].extractor, scores["fd_cnn14"].formula) == ("cnn14-16k", "exact")
    assert (scores["fad_vggish"].extractor, scores["fad_vggish"].pieces) == ("vggish", Pieces.ALL)
    kl = scores["kl_cnn14"]
    assert (kl.activation, kl.direction, kl.epsilon) == (
        Activation.SOFTMAX,
        Direction.REFERENCE_GENERATED,
        1e-6,
    )
    assert (scores["is_cnn14"].splits, scores["is_cnn14"].seed) == (10, 2020)
    assert (scores["clap_htsat_unfused"].extractor, scores["clap_htsat_unfused"].scale) == (
        "clap",
        100.0,
    )


def test_needs_and_networks_are_those_of_the_scores_that_are_left():
    whole = read_protocol("auffusion-2024")
    assert whole.needs == {Needs.REFERENCE, Needs.PAIRS, Needs.CAPTIONS}
    assert whole.only([]) == whole
    part = whole.only(["is_cnn14", "fd_cnn14"])
    assert [one.name for one in part.scores] == ["fd_cnn14", "is_cnn14"]
    assert (part.needs, part.extractors) == ({Needs.REFERENCE}, ("cnn14-16k",))
    assert part.sha256 == whole.sha256
    with pytest.raises(InputError, match="has no score 'fd': choose of fd_cnn14, "):
        whole.only(["fd"])


@pytest.mark.parametrize("bare", ["fd", "FAD", "kl", "IS", "clap"])
def test_a_bare_name_is_refused(read, bare):
    with pytest.raises(InputError, match=f"score called '{bare}' does not say what it is measured"):
        read(f'about = ""\nsources = []\n{SCORE}'.replace("fd_mine", bare))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SCORE, "lacks about"),
        ('about = "x"\nsources = []\n', "has no scores"),
        ('about = "x"\nsources = []\nscore = 3\n', r"has no \[\[score\]\] tables"),
        ('about = "x"\nsources = []\nscore = [3]\n', "score 1 is no table"),
        (f'about = "x"\nsources = []\nmore = 1\n{SCORE}', "has more, which is not known"),
        (f'about = "x"\nsources = []\n{SCORE}{SCORE}', "has the score 'fd_mine' twice"),
        (f'about = "x"\nsources = []\n{SCORE}epsilon = 1.0\n', "has epsilon, which is not known"),
        (f'about = "x"\nsources = []\n{SCORE}pieces = "some"\n', "expected one of all, mean"),
        (
            f'about = "x"\nsources = []\n{SCORE}'.replace('"frechet"', '"fid"'),
            "score 1 has the kind 'fid': expected one of frechet, kernel",
        ),
        (
            f'about = "x"\nsources = []\n{SCORE}'.replace('"lower"', '"smaller"'),
            "better = 'smaller', expected one of lower, higher",
        ),
        (f'about = "x"\nsources = []\n{SCORE}'.replace("title", "tilte"), "tilte|lacks title"),
        ("about = ", "is no TOML"),
    ],
)
def test_what_is_no_protocol_is_refused_in_a_sentence(read, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read(text)


def test_unknown_names_are_told_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="no protocol 'audioldm': choose one of audio"):
        read_protocol("audioldm")
    with pytest.raises(InputError, match=r"no protocol '\.\./auffusion-2024'"):
        read_protocol("../auffusion-2024")
    with pytest.raises(InputError, match="No such file"):
        read_protocol(tmp_path / "nothing.toml")
    assert len(KINDS) >= 9
