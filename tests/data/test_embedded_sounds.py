import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auffusion.data.package_authors import licence_url
from auffusion.data.preparation import Limits, Preparation
from auffusion.data.prepared import PreparedData
from auffusion.data.preparers.embedded_sounds import (
    EMBEDDED_SOUNDS,
    is_validation,
    listed_rows,
    read_rows,
)
from auffusion.data.scenes import load_sounds
from auffusion.errors import InputError
from auffusion.executor import SerialExecutor


@pytest.fixture(scope="module")
def listed():
    return listed_rows()


def test_only_licences_that_may_ship_and_no_speech_are_listed(listed):
    assert {row["tier"] for row in listed} == {"free", "share-alike"}
    assert {row["kind"] for row in listed} == {"sound", "fx", "music"}
    assert not [
        row
        for row in listed
        if re.match(r"L?GPL|GFDL", row["license"]) and "CC" not in row["license"]
    ]


def test_every_listed_licence_has_a_link_for_the_attribution(listed):
    for licence in {row["license"] for row in listed}:
        assert licence_url(licence).startswith("https://")


def test_every_clip_is_listed_once_with_a_caption_and_a_class(listed):
    keys = Counter((row["package"], row["source"], row.get("part")) for row in listed)
    assert len(listed) > 3400
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
        if not row.get("rendered"):
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
        doc = source / name / "usr/share/doc" / name
        doc.mkdir(parents=True)
        (doc / "copyright").write_text(f"Copyright (c) 2001 {name.title()}\n")
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


@pytest.fixture
def prepare(tmp_path, packages):
    def run(rows=ROWS):
        data_set = replace(EMBEDDED_SOUNDS, read=lambda source, _: read_rows(source, rows))
        limits = Limits(max_bad_fraction=0.5)
        output = tmp_path / "library"
        Preparation(data_set=data_set, source=packages, output=output, limits=limits).run(
            SerialExecutor()
        )
        return output

    return run


def test_two_packages_become_a_library(prepare):
    library = prepare()
    clips = sorted(PreparedData(library).clips(), key=lambda clip: (clip.source, clip.start_s))
    assert [(clip.source, clip.start_s) for clip in clips] == [
        ("tiny-dogs/bark1.wav", 0.0),
        ("tiny-dogs/bark2.wav", 0.0),
        ("tiny-rain/rain.flac", 0.0),
        ("tiny-rain/rain.flac", 10.0),
    ]
    assert [clip.seconds for clip in clips] == pytest.approx([0.5, 0.7, 10.0, 10.0], abs=1e-3)
    assert clips[1].captions == ("a dog barking", "a bark")
    assert clips[2].extra == {
        "package": "tiny-rain",
        "version": "1.0-1",
        "kind": "sound",
        "tier": "free",
        "rendered": False,
    }
    assert {clip.license_url for clip in clips} == {
        "https://creativecommons.org/publicdomain/zero/1.0/"
    }
    assert [clip.author for clip in clips] == ["Tiny-Dogs"] * 2 + ["Tiny-Rain"] * 2


def test_every_clip_is_attributed_beside_the_manifest(prepare):
    lines = (prepare() / "ATTRIBUTION.tsv").read_text(encoding="utf-8").splitlines()
    zero = "https://creativecommons.org/publicdomain/zero/1.0/"
    assert [line for line in lines if not line.startswith("#")] == [
        f"tiny-dogs\t1.0-1\tCC0-1.0\t{zero}\tTiny-Dogs",
        "\tbark1.wav",
        "\tbark2.wav",
        f"tiny-rain\t1.0-1\tCC0-1.0\t{zero}\tTiny-Rain",
        "\train.flac\t0,10",
    ]


def test_what_could_not_be_made_is_told_with_the_reason(prepare):
    lines = (prepare() / "rejects.jsonl").read_text().splitlines()
    rejects = Counter((one["source"], one["reason"]) for one in map(json.loads, lines))
    assert rejects == {
        ("tiny-dogs/gone.wav", "missing"): 1,
        ("tiny-dogs/broken.wav", "damaged"): 1,
        ("tiny-dogs/soft.wav", "silent"): 1,
        ("tiny-rain/rain.flac", "short"): 1,
    }


def test_a_prepared_library_loads_by_split(prepare):
    library = prepare()
    loaded = [sound for split in ("train", "validation") for sound in load_sounds(library, split)]
    assert sorted(s.clip.id for s in loaded) == sorted(c.id for c in PreparedData(library).clips())
    assert all(sound.samples.dtype == np.float32 for sound in loaded)
    assert all(len(sound.samples) == round(sound.clip.seconds * 16_000) for sound in loaded)


def test_a_shard_that_went_missing_since_is_told_by_name(prepare):
    library = prepare()
    for shard in (library / "shards").iterdir():
        shard.unlink()
    with pytest.raises(InputError, match=r"cannot read the shard .*\.tar"):
        [load_sounds(library, split) for split in ("train", "validation")]


def test_a_package_without_its_soundfont_is_told(prepare):
    with pytest.raises(InputError, match=r"tiny-dogs holds no MuseScore_General_Full\.sf3"):
        prepare([row("tiny-dogs", "MIDI at 6 s", rendered=True)])


def test_instruments_that_were_rendered_are_not_rendered_again(prepare, packages, write_tone):
    write_tone(packages / "tiny-dogs/rendered/MIDI-at-6-s.wav", seconds=2.0, rate=32_000)
    clips = list(PreparedData(prepare([row("tiny-dogs", "MIDI at 6 s", rendered=True)])).clips())
    assert [(clip.source, clip.seconds) for clip in clips] == [("tiny-dogs/MIDI at 6 s", 2.0)]
