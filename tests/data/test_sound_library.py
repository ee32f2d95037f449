import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auffusion.data.attribution import attribution
from auffusion.data.preparers.sound_library import is_validation, listed_clips, prepare
from auffusion.data.scenes import load_sounds
from auffusion.errors import InputError


@pytest.fixture(scope="module")
def listed():
    return listed_clips()


def test_only_licences_that_may_ship_and_no_speech_are_listed(listed):
    assert {row["tier"] for row in listed} == {"free", "share-alike"}
    assert {row["kind"] for row in listed} == {"sound", "fx", "music"}
    assert not [
        row
        for row in listed
        if re.match(r"L?GPL|GFDL", row["license"]) and "CC" not in row["license"]
    ]


def test_every_listed_licence_has_a_link_for_the_attribution(tmp_path, listed, clip):
    for licence in {row["license"] for row in listed}:
        (tmp_path / "tiny-sounds/usr/share/doc/tiny-sounds").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tiny-sounds/usr/share/doc/tiny-sounds/copyright").write_text("free")
        (group,) = attribution(tmp_path, [clip(license=licence)])
        assert group.url.startswith("https://")


def test_every_clip_is_listed_once_with_a_caption_and_a_class(listed):
    keys = Counter((row["package"], row["source"], row.get("part")) for row in listed)
    assert len(listed) > 3500
    assert max(keys.values()) == 1
    assert all(row["captions"] and all(row["captions"]) and row["class"] for row in listed)


def test_no_reserved_clip_is_listed(listed):
    """`reserved_digests.txt`: hashes of the reserved clips, and of their names without takes."""
    lines = Path(__file__).with_name("reserved_digests.txt").read_text().split()
    reserved = frozenset(lines)
    assert len(reserved) > 1000

    def is_reserved(*parts):
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12] in reserved

    for row in listed:
        assert not is_reserved(row["package"], row["source"], row.get("part")), row
        # The guitar strums that are reserved were chosen by ear, take by take.
        if not row.get("rendered") and "GuitarStrums" not in row["source"]:
            stem = re.sub(r"[\d_\-. ]+$", "", row["source"].rsplit(".", 1)[0].lower())
            assert not is_reserved(row["package"], stem), row


def test_takes_of_one_sound_fall_on_the_same_side():
    for name in ("step", "bark", "gun", "door"):
        for package in ("a", "b", "c"):
            sides = {
                is_validation(package, f"x/{name}{take}.wav")
                for take in ("", "1", "_02", "-3", " 4", ".5", "17")
            }
            assert len(sides) == 1


def test_about_one_group_in_eight_is_kept_from_training(listed):
    groups = [row["source"] for row in listed if not row.get("rendered")]
    share = np.mean([is_validation("p", group) for group in groups])
    assert 0.09 < share < 0.16


def row(package, source, **given):
    plain = {
        "package": package,
        "source": source,
        "source_rate": 16000,
        "kind": "sound",
        "class": "dog",
        "captions": ["a dog barking"],
        "license": "CC0-1.0",
        "tier": "free",
    }
    return {**plain, **given}


@pytest.fixture
def packages(tmp_path, write_tone):
    """Two unpacked packages, as `fetch_package` leaves them."""
    source = tmp_path / "packages"
    for name in ("tiny-dogs", "tiny-rain"):
        (source / name).mkdir(parents=True)
        (source / name / "PACKAGE").write_text(f"{name}_1.0-1_all.deb\n")
    write_tone(source / "tiny-dogs/bark1.wav", seconds=0.5, rate=44_100, channels=2)
    write_tone(source / "tiny-dogs/bark2.wav", seconds=0.7, rate=22_050)
    write_tone(source / "tiny-rain/rain.flac", seconds=21.0, hz=200.0)
    (source / "tiny-dogs/broken.wav").write_bytes(b"no sound")
    write_tone(source / "tiny-dogs/soft.wav", level=0.001)
    return source


ROWS = [
    row("tiny-dogs", "bark1.wav"),
    row("tiny-dogs", "bark2.wav", captions=["a dog barking", "a bark"]),
    row("tiny-dogs", "gone.wav"),
    row("tiny-dogs", "broken.wav"),
    row("tiny-dogs", "soft.wav"),
    row("tiny-rain", "rain.flac", part=0, captions=["rain"], **{"class": "rain"}),
    row("tiny-rain", "rain.flac", part=1, captions=["rain"], **{"class": "rain"}),
    row("tiny-rain", "rain.flac", part=4, captions=["rain"], **{"class": "rain"}),
]


def test_two_packages_become_a_library(tmp_path, packages):
    told = []
    clips = prepare(packages, tmp_path / "library", rows=ROWS, on_package=lambda *a: told.append(a))
    assert told == [("tiny-dogs", 2, 5), ("tiny-rain", 2, 3)]
    assert [(clip.source, clip.part) for clip in clips] == [
        ("bark1.wav", None),
        ("bark2.wav", None),
        ("rain.flac", 0),
        ("rain.flac", 1),
    ]
    assert [clip.seconds for clip in clips] == pytest.approx([0.5, 0.7, 10.0, 10.0], abs=1e-3)
    assert {clip.version for clip in clips} == {
        "tiny-dogs_1.0-1_all.deb",
        "tiny-rain_1.0-1_all.deb",
    }
    info = soundfile.info(tmp_path / "library" / clips[0].path)
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


def test_what_could_not_be_made_is_reported_with_the_reason(tmp_path, packages):
    prepare(packages, tmp_path / "library", rows=ROWS)
    lines = (tmp_path / "library/left_out.jsonl").read_text().splitlines()
    left_out = {(one["source"], one["part"]): one["reason"] for one in map(json.loads, lines)}
    assert left_out.keys() == {
        ("gone.wav", None),
        ("broken.wav", None),
        ("soft.wav", None),
        ("rain.flac", 4),
    }
    assert left_out["gone.wav", None].endswith("gone.wav is not there")
    assert "cannot be read as a sound" in left_out["broken.wav", None]
    assert "too soft" in left_out["soft.wav", None]
    assert "too short" in left_out["rain.flac", 4]


def test_preparing_again_gives_the_same_files(tmp_path, packages):
    first, second = (prepare(packages, tmp_path / name, rows=ROWS) for name in ("one", "two"))
    assert first == second
    names = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(names) == 6
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_prepared_library_loads_by_split(tmp_path, packages):
    clips = prepare(packages, tmp_path / "library", rows=ROWS)
    loaded = [
        sound
        for split in ("train", "validation")
        for sound in load_sounds(tmp_path / "library", split)
    ]
    assert sorted(sound.clip.id for sound in loaded) == sorted(clip.id for clip in clips)
    assert all(sound.samples.dtype == np.float32 for sound in loaded)
    assert all(len(sound.samples) == round(sound.clip.seconds * 16_000) for sound in loaded)


def test_a_clip_that_went_missing_since_is_told_by_name(tmp_path, packages):
    clips = prepare(packages, tmp_path / "library", rows=ROWS)
    (tmp_path / "library" / clips[0].path).unlink()
    with pytest.raises(InputError, match=f"{clips[0].id}.flac cannot be read"):
        load_sounds(tmp_path / "library", clips[0].split)


def test_a_package_without_its_soundfont_is_told(tmp_path, packages):
    rows = [row("tiny-dogs", "MIDI at 6 s", rendered=True)]
    with pytest.raises(InputError, match=r"tiny-dogs holds no MuseScore_General_Full\.sf3"):
        prepare(packages, tmp_path / "library", rows=rows)
