import numpy as np
import pytest

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.drawing import CANVAS
from auffusion.data.scenes import Mixture, SceneComposer, Sound
from auffusion.recipes.scene_examples import DescribedScenes, caption_variants, mixture_captions


def clip(**given):
    plain = {"id": "0", "dataset": "tiny", "path": "0.flac", "seconds": 1.0, "split": "train"}
    return Clip(**{**plain, **given})


DOG = clip(labels=("dog",), captions=("a dog barking", "barks"))
EXPLOSION = clip(labels=("explosion",), captions=("a blast",))


def tone(hz):
    return np.sin(2 * np.pi * hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)


@pytest.fixture
def composer():
    return SceneComposer(
        [Sound(clip=DOG, samples=tone(440.0)), Sound(clip=EXPLOSION, samples=tone(3000.0))]
    )


def test_a_clip_can_be_asked_for_in_several_ways_its_own_words_twice():
    assert caption_variants(DOG) == [
        "a dog barking",
        "barks",
        "a dog barking",
        "barks",
        "dog",
        "a dog",
        "the sound of a dog barking",
        "dog sound",
    ]
    assert "an explosion" in caption_variants(EXPLOSION)


@pytest.mark.parametrize(
    ("together", "joints"),
    [
        (True, {"and", "with", "while", "together with"}),
        (False, {"followed by", "then", "and then"}),
    ],
)
def test_two_sounds_are_named_in_their_order(together, joints):
    mixture = Mixture(samples=tone(1.0), clips=(EXPLOSION, DOG), together=together)
    found = set()
    for seed in range(40):
        written, named = mixture_captions(mixture, np.random.default_rng(seed))
        assert written.startswith("a blast ")
        assert written.endswith((" a dog barking", " barks"))
        assert named.startswith("an explosion ")
        found.add(named.removeprefix("an explosion ").removesuffix(" a dog"))
    assert found == joints


def test_a_scene_depends_on_its_seed_and_number_alone(composer):
    one, again = (DescribedScenes(composer, seed=3, count=8, mixtures=0.5) for _ in range(2))
    for number in (7, 0, 4):
        assert np.array_equal(one[number]["samples"], again[number]["samples"])
        assert one[number]["captions"] == again[number]["captions"]
    assert len(list(one)) == len(one) == 8
    other = DescribedScenes(composer, seed=4, count=8, mixtures=0.5)
    assert any(not np.array_equal(one[i]["samples"], other[i]["samples"]) for i in range(8))


def test_the_share_of_mixtures_is_as_asked(composer):
    for share, least, most in ((0.0, 0, 0), (0.5, 20, 44), (1.0, 64, 64)):
        scenes = DescribedScenes(composer, seed=0, count=64, mixtures=share)
        # A mixture is asked for in two ways, a single sound in more.
        count = sum(len(scene["captions"]) == 2 for scene in scenes)
        assert least <= count <= most
        assert all(scene["samples"].shape == (CANVAS,) for scene in scenes)
