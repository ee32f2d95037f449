"""Pieces of clips: where they come from, how loud they are, and that a slot decides them."""

import numpy as np
import pytest
import soundfile
import torch

from auffusion.data.preparation import Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor
from auffusion.mel.spectrogram import PEAK
from auffusion.train.segments import Segments, random_segment
from auffusion.train.validation import Validation, validation_clips


def noise(samples, level=8000, seed=0):
    return (np.random.default_rng(seed).uniform(-1, 1, samples) * level).astype(np.int16)


def rows(clip, length, count=64):
    return np.stack([random_segment(clip, length, np.random.default_rng(i)) for i in range(count)])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three clips to learn from, one of them shorter than a piece, and two to be measured by."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "source").mkdir()
    table = ["file_name,caption,split"]
    for number, (samples, split) in enumerate(
        [(16_000, "train"), (20_000, "train"), (48_000, "train")] + [(16_000, "validation")] * 2
    ):
        soundfile.write(folder / f"source/{number}.wav", noise(samples, seed=number), 16_000)
        table.append(f"{number}.wav,sound {number},{split}")
    (folder / "source/metadata.csv").write_text("\n".join(table))
    Preparation(data_set=FOLDER, source=folder / "source", output=folder / "out").run(
        SerialExecutor()
    )
    return PreparedData(folder / "out")


def test_levels_reach_down_to_twelve_decibels_under_the_peak():
    peaks = np.abs(rows(noise(8000), 4000)).max(axis=1)
    assert peaks.max() <= PEAK * 1.0001
    assert peaks.min() >= PEAK * 10 ** (-12 / 20) * 0.9999
    assert peaks.max() / peaks.min() > 3


def test_a_nearly_silent_clip_stays_nearly_silent():
    # The loudest of it is 1/32768, which may be raised by PEAK / 0.02 at most.
    assert np.abs(rows(noise(8000, level=1.999), 4000)).max() <= PEAK / 0.02 / 32768 * 1.001


def test_a_short_clip_lies_whole_in_its_piece_at_various_places():
    clip = noise(3000)
    clip[0] = 8000
    places = set()
    for row in rows(clip, 5000, 16):
        at = int(np.flatnonzero(row)[0])
        places.add(at)
        expected = np.zeros(5000)
        expected[at : at + 3000] = clip
        np.testing.assert_allclose(row, expected * (row[at] / 8000), atol=1e-6)
    assert len(places) > 8


def test_a_piece_of_a_long_clip_is_a_run_of_its_samples():
    clip = noise(20_000)
    for row in rows(clip, 1000, 4):
        first = int(np.abs(np.correlate(clip.astype(np.float64), row, "valid")).argmax())
        part = clip[first : first + 1000].astype(np.float64)
        scale = (row @ part) / (part @ part)
        np.testing.assert_allclose(row, part * scale, atol=1e-5)


def test_pieces_are_a_function_of_seed_step_and_slot(data):
    def pieces(seed, step, slots):
        return Segments([(data, "train")], samples=18_000, batch=6, seed=seed).draw(step, slots)

    whole = pieces(1, 5, range(6))
    assert torch.equal(torch.cat([pieces(1, 5, range(2)), pieces(1, 5, range(2, 6))]), whole)
    assert not torch.equal(pieces(1, 6, range(6)), whole)
    assert not torch.equal(pieces(2, 5, range(6)), whole)


def test_every_clip_of_the_split_is_seen_once_an_epoch(data):
    segments = Segments([(data, "train")], samples=4000, batch=1, seed=0)
    names = [name for step in range(3) for name in segments.names(step, range(1))]
    assert sorted(names) == sorted(data.clip(number).id for number in data.of_split("train"))


def test_several_sets_are_heard_as_one(data):
    sets = [(data, "train"), (data, "validation")]
    segments = Segments(sets, samples=4000, batch=5, seed=0)
    assert sorted(segments.names(7, range(5))) == sorted(clip.id for clip in data.clips())


def test_a_split_without_clips_is_told(data):
    with pytest.raises(InputError, match="has no clip in the split 'test'"):
        Segments([(data, "test")], samples=4000, batch=1, seed=0)


def test_validation_clips_are_always_the_same_and_filled_to_whole_multiples(data):
    table = Validation(shown=1, measured=5, seconds=0.3)
    one, two = (validation_clips(data, table, multiple=160, least=5000) for _ in range(2))
    assert [clip.title for clip in one] == ["sound 3", "sound 4"]
    for clip, again in zip(one, two, strict=True):
        assert torch.equal(clip.waveform, again.waveform)
        assert clip.waveform.shape == (1, 5120)
        assert clip.waveform.abs().max().item() == pytest.approx(PEAK)
        assert clip.waveform[0, 4800:].abs().max() == 0  # 0.3 s sound, the rest is silence


@pytest.mark.parametrize("given", [{"shown": 0}, {"measured": 0}, {"seconds": 0.0}])
def test_listening_to_nothing_is_refused(given):
    with pytest.raises(InputError, match="choose at least one clip"):
        Validation(**given)
