"""Captions with their recordings: of a prepared data set, of a published list, of scenes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from small_tables import CAPTIONS, SOUNDS, rows_of, video, write_list

from auffusion.data.clips import Clip
from auffusion.data.scenes import Sound
from auffusion.errors import InputError
from auffusion.recipes.tables import scene_list
from auffusion.recipes.tables.clip_list import ClipList
from auffusion.recipes.tables.items import CaptionList, item_seed
from auffusion.recipes.tables.scene_list import SceneList

NAMED = "auffusion-761"


@pytest.fixture
def listed(audiocaps, tmp_path):
    """The clips of a list of 761, of which ten are there."""
    rows = rows_of(NAMED)
    for place, (name, caption) in enumerate(CAPTIONS.items()):
        rows[place] = (f"{video(name)}_30", f"{caption} here")
    # The list has fewer captions than clips: some were taken away with the rows that were replaced.
    rows[10:] = [(stem, f"sound {number % 743}") for number, (stem, _) in enumerate(rows[10:])]
    return ClipList(
        title="AudioCaps",
        data=audiocaps,
        named=NAMED,
        file=write_list(tmp_path / "list.json", NAMED, rows),
        allow_missing=751,
    )


def test_a_whole_split_is_listed_with_the_caption_that_is_asked_for(audiocaps):
    first = ClipList(title="Clips", data=audiocaps)
    assert isinstance(first, CaptionList)
    assert {item.caption for item in first.items()} == set(CAPTIONS.values())
    third = ClipList(title="Clips", data=audiocaps, caption=3)
    assert {item.caption for item in third.items()} == {f"{name}, take 2" for name in CAPTIONS}
    names = [item.name for item in first.items()]
    assert names == sorted(names)


def test_a_published_list_chooses_clips_and_captions(listed):
    found = {item.name: item.caption for item in listed.items()}
    assert found == {f"{video(name)}_30": f"{CAPTIONS[name]} here" for name in CAPTIONS}


def test_recordings_are_those_of_the_data_set_cut_where_it_is_asked(listed, tmp_path):
    listed.write_recordings(tmp_path)
    bell, rate = sf.read(tmp_path / f"{video('bell')}_30.wav", dtype="int16")
    original, _ = sf.read(SOUNDS / "bell.flac", dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(bell, original)
    ClipList(title="Clips", data=listed.data, first_s=0.25).write_recordings(tmp_path)
    for path in tmp_path.glob("audiocaps-*.wav"):
        assert sf.info(path).frames == 4000


def test_a_recording_of_other_settings_is_written_anew(audiocaps, tmp_path):
    clips = ClipList(title="Clips", data=audiocaps, first_s=0.5)
    clips.write_recordings(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    clips.write_recordings(tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    ClipList(title="Clips", data=audiocaps, first_s=0.25).write_recordings(tmp_path)
    assert {sf.info(path).frames for path in before} == {4000}


def test_needs_name_what_is_missing_and_how_it_is_had(listed, audiocaps, tmp_path):
    assert [(need.kind, need.lack) for need in listed.needs()] == [
        ("data", ""),
        ("list", ""),
        ("captions", ""),
    ]
    gone = ClipList(
        title="A", data=Path("nowhere"), named=NAMED, file=tmp_path / "x", how="prepare it"
    )
    data, names = gone.needs()
    assert data.lack.endswith(": prepare it")
    assert "put test_audiocaps.raw.json of https" in names.lack
    assert gone.expected == 761
    few = ClipList(title="A", data=audiocaps, clips=1045)
    assert [bool(need.lack) for need in few.needs()] == [False, True]
    with pytest.raises(InputError, match="has 10 test clips where 1045 were expected"):
        few.items()


def test_clips_that_are_gone_must_be_allowed(listed):
    strict = ClipList(title="A", data=listed.data, named=NAMED, file=listed.file, allow_missing=750)
    with pytest.raises(InputError, match="751 clips of the list auffusion-761 are not in"):
        strict.items()


def test_a_caption_that_is_not_there_is_refused(audiocaps):
    with pytest.raises(InputError, match="has no caption 6"):
        ClipList(title="A", data=audiocaps, caption=6).items()
    with pytest.raises(InputError, match="caption 1 or later"):
        ClipList(title="A", data=audiocaps, caption=0)


def test_the_seed_of_an_item_is_its_names_alone():
    seeds = {item_seed(seed, name) for seed in range(3) for name in ("a", "b", "c")}
    assert len(seeds) == 9
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert item_seed(2**32 - 1, "a") == (item_seed(0, "a") - 1) % 2**32


@pytest.fixture
def scenes(monkeypatch):
    """Scenes of a library of three captions, of which one has two takes."""
    moments = np.arange(8000) / 16_000

    def sound(number, caption, hz):
        clip = Clip(
            id=f"lib-{number}",
            dataset="lib",
            path="x.tar",
            captions=(caption,),
            split="validation",
            seconds=0.5,
            labels=(caption,),
        )
        samples = 0.3 * np.sin(2 * np.pi * hz * moments)
        return Sound(clip=clip, samples=samples.astype(np.float32))

    library = [
        sound(2, "low", 200.0),
        sound(1, "high", 3000.0),
        sound(3, "middle", 1000.0),
        sound(0, "middle", 1200.0),
    ]
    monkeypatch.setattr(scene_list, "load_sounds", lambda *_: library)
    return lambda **given: SceneList(title="Scenes", data=Path("library"), **given)


def test_each_caption_has_one_scene_of_the_takes_it_describes(scenes, tmp_path):
    found = scenes(length_s=2.0)
    items = found.items()
    assert [(item.name, item.caption) for item in items] == [
        ("lib-0", "middle"),
        ("lib-1", "high"),
        ("lib-2", "low"),
    ]
    found.write_recordings(tmp_path)
    loudest = {}
    for item in items:
        samples, rate = sf.read(tmp_path / f"{item.name}.wav")
        assert len(samples) == 2 * rate
        assert np.abs(samples).max() == pytest.approx(0.95, abs=1e-3)
        spectrum = np.abs(np.fft.rfft(samples))
        loudest[item.caption] = float(np.argmax(spectrum) / 2.0)
    assert loudest["low"] == pytest.approx(200, abs=5)
    assert loudest["high"] == pytest.approx(3000, abs=5)
    assert 990 <= loudest["middle"] <= 1210


def test_a_scene_does_not_depend_on_the_others(scenes, tmp_path):
    for name, most in (("all", None), ("first", 1)):
        (tmp_path / name).mkdir()
        scenes(most=most).write_recordings(tmp_path / name)
    assert [path.name for path in (tmp_path / "first").iterdir()] == ["lib-0.wav"]
    assert (tmp_path / "first/lib-0.wav").read_bytes() == (tmp_path / "all/lib-0.wav").read_bytes()


def test_a_library_that_is_not_there_is_told_with_how_it_is_had(tmp_path):
    (need,) = SceneList(title="Scenes", data=tmp_path, how="prepare it").needs()
    assert need.lack.endswith(": prepare it")
    with pytest.raises(InputError, match=r"scenes last 0\.5 to 10\.24 s"):
        SceneList(title="Scenes", data=tmp_path, length_s=20.0)
