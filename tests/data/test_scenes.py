from collections import Counter

import numpy as np
import pytest

from auffusion.data.clips import SAMPLE_RATE, Clip
from auffusion.data.scenes import CANVAS, SceneComposer, Sound
from auffusion.errors import InputError

SEEDS = range(24)
WINDOW = 256 * 160  # what training looks at, 2.56 s


@pytest.fixture
def composer(tone_sound):
    """Three classes of short sounds and one of long ones, each with a pitch of its own."""
    return SceneComposer(
        [
            *[
                tone_sound(0.3, hz=200.0, captions=("a dog barking",), labels=("dog",))
                for _ in range(3)
            ],
            tone_sound(1.5, hz=400.0, captions=("a door closing",), labels=("door",)),
            tone_sound(2.5, hz=800.0, captions=("a harp",), labels=("harp",), kind="music"),
            tone_sound(6.0, hz=1600.0, captions=("rain falling",), labels=("rain",)),
        ]
    )


def strongest_hz(scene):
    return np.abs(np.fft.rfft(scene)).argmax() * 16_000 / len(scene)


def longest_silence(scene):
    """Samples of the longest stretch under -60 dB."""
    loud = np.flatnonzero(np.abs(scene) > 1e-3)
    edges = np.concatenate([[-1], loud, [len(scene)]])
    return int(np.diff(edges).max() - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scene_fills_the_canvas_up_to_full_scale(composer, seed):
    scene, _ = composer.compose(seed)
    assert scene.shape == (CANVAS,)
    assert scene.dtype == np.float32
    assert np.abs(scene).max() == pytest.approx(1.0, abs=1e-6)


def test_a_seed_gives_one_scene_and_another_seed_another(composer):
    scenes = [composer.compose(seed)[0] for seed in (5, 5, 6)]
    np.testing.assert_array_equal(scenes[0], scenes[1])
    assert not np.array_equal(scenes[0], scenes[2])


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_heard_is_what_the_caption_says(composer, seed):
    scene, clip = composer.compose(seed)
    hz = {"dog": 200, "door": 400, "harp": 800, "rain": 1600}[clip.label]
    # Fades and gaps widen the line of a tone by some hertz.
    assert strongest_hz(scene) == pytest.approx(hz, abs=8)
    assert clip.captions[0] in composer.captions_of[clip.label]


def test_a_window_is_silent_only_where_the_spacing_is_wide(composer):
    """Gaps are drawn around 0.05 to 1 s: of 2.56 s there is one only now and then."""
    silences = [longest_silence(composer.compose(seed)[0]) for seed in range(60)]
    assert np.median(silences) < WINDOW / 2
    assert np.mean(np.array(silences) >= WINDOW) < 0.15


def test_no_scene_begins_or_ends_in_a_long_silence(tone_sound):
    composer = SceneComposer([tone_sound(0.5)])
    for seed in SEEDS:
        loud = np.flatnonzero(np.abs(composer.compose(seed)[0]) > 1e-3)
        assert loud[0] <= 0.41 * 16_000


def test_a_long_sound_goes_round_without_a_gap_or_a_step(tone_sound):
    composer = SceneComposer([tone_sound(5.0, hz=100.0)])
    for seed in range(6):
        scene, _ = composer.compose(seed)
        assert longest_silence(scene) < 160
        # A 100 Hz tone of full scale moves by at most 2π·100/16000 a sample; where it crosses into
        # itself, in any phase, two of them add up to no more than √2 of that.
        assert np.abs(np.diff(scene)).max() < 2 * np.pi * 100 / 16_000 * np.sqrt(2) * 1.02


def test_long_music_is_repeated_whole_and_not_looped(tone_sound):
    sound = tone_sound(5.0, kind="music")
    scene, _ = SceneComposer([sound]).compose(1)
    assert longest_silence(scene) > 100


def test_a_short_sound_has_no_click_at_its_ends(tone_sound):
    ones = tone_sound(0.3, hz=0.0)
    ones.samples[:] = 0.5
    scene, _ = SceneComposer([ones]).compose(3)
    assert np.abs(np.diff(scene)).max() < 0.02


def test_common_classes_are_drawn_more_often_but_not_in_proportion(tone_sound):
    common = [tone_sound(0.3, captions=(f"growl {i % 4}",), labels=("growl",)) for i in range(81)]
    composer = SceneComposer([*common, tone_sound(0.3, captions=("a frog",), labels=("frog",))])
    weights = dict(zip(composer.labels, composer.weights, strict=True))
    assert weights["growl"] / weights["frog"] == pytest.approx(81**0.75)


def test_music_is_drawn_less_often(tone_sound):
    composer = SceneComposer(
        [
            tone_sound(0.3, labels=("dog",)),
            tone_sound(0.3, labels=("harp",), kind="music", captions=("b",)),
        ]
    )
    drawn = Counter(composer.compose(seed)[1].label for seed in range(100))
    assert composer.weights.tolist() == pytest.approx([1 / 1.3, 0.3 / 1.3])
    assert drawn["harp"] / 100 == pytest.approx(0.3 / 1.3, abs=0.1)


def test_without_sounds_there_are_no_scenes():
    with pytest.raises(InputError, match="no sounds to compose of"):
        SceneComposer([])


def spectrum_db(samples, hz):
    window = np.hanning(len(samples))
    level = np.abs(np.fft.rfft(samples * window))
    return 20 * np.log10(level[round(hz * len(samples) / SAMPLE_RATE)] + 1e-9)


@pytest.fixture
def two_tones():
    def tone(hz, label):
        samples = np.sin(2 * np.pi * hz * np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE)
        made = Clip(
            id=label,
            dataset="tiny",
            path="0.flac",
            seconds=6.0,
            split="train",
            captions=(f"a {label}",),
            labels=(label,),
        )
        return Sound(clip=made, samples=samples.astype(np.float32))

    return SceneComposer([tone(400.0, "low"), tone(3000.0, "high")])


def test_a_mixture_holds_both_sounds_together_or_one_after_the_other(two_tones):
    pitch = {"low": 400.0, "high": 3000.0}
    kinds = set()
    for seed in range(40):
        mixture = two_tones.mix(seed)
        first, second = (clip.label for clip in mixture.clips)
        assert np.abs(mixture.samples).max() <= 1.0 + 1e-6
        if first == second:
            continue
        kinds.add(mixture.together)
        start, end = mixture.samples[:32_000], mixture.samples[-32_000:]
        apart = [
            spectrum_db(part, pitch[first]) - spectrum_db(part, pitch[second])
            for part in (start, end)
        ]
        if mixture.together:
            assert max(map(abs, apart)) < 10
        else:
            assert apart[0] > 40
            assert apart[1] < -40
    assert kinds == {True, False}
