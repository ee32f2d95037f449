from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.esc50 import ESC50
from auffusion.errors import InputError

TABLE = """\
filename,fold,target,category,esc10,src_file,take
1-100032-A-0.wav,1,0,dog,True,100032,A
1-100210-A-36.wav,1,36,vacuum_cleaner,False,100210,A
3-253084-E-2.wav,3,2,pig,False,253084,E
5-9032-A-0.wav,5,0,dog,True,9032,A
2-117271-A-0.wav,2,0,dog,True,117271,A
../5-9032-A-0.wav,5,0,dog,True,9032,A
5-251971-A-12.wav,5,12,crackling_fires,True,251971,A
5-251971-A-12.wav,V,12,crackling_fire,True,251971,A
5-251971-A-12.wav,5,12
"""

# With the odd spaces and escapes of the published file.
LICENSE = r"""# ESC-50: Dataset for Environmental Sound Classification

101 - Dog:
- [1-100032-A.ogg]: clip derived from rose_bark.wav (http://www.freesound.org/people/nfrae/sounds/100032/) by nfrae [CC0]
- [5-9032-A.ogg]:  clip derived from Dog bark2.wav (http://www.freesound.org/people/MisterTood/sounds/9032/) by MisterTood [CC-BY]

103 - Pig:
- [3-253084-E.ogg]: clip derived from Porsas r\xf6hkii (wav) (http://www.freesound.org/people/Yle%20Arkisto/sounds/253084/) by Yle Arkisto [CC-Sampling+]
"""  # noqa: E501

EXPECTED = ("1-100032-A-0", "1-100210-A-36", "3-253084-E-2", "5-9032-A-0")
"""The keys of the clips that are there, in order."""

CREATIVE_COMMONS = "http://creativecommons.org/"
DOG = ("a dog barking", "the sound of a dog barking")
LISTED = [
    Listed(
        key="1-100032-A-0",
        file=Path("audio/1-100032-A-0.wav"),
        source="audio/1-100032-A-0.wav",
        captions=DOG,
        split="train",
        labels=("dog",),
        origin="freesound:100032",
        license="CC0-1.0",
        license_url=f"{CREATIVE_COMMONS}publicdomain/zero/1.0/",
        author="nfrae",
        extra={"fold": 1, "take": "A", "esc10": True, "title": "rose_bark.wav"},
    ),
    # LICENSE does not name it: the terms of the whole set.
    Listed(
        key="1-100210-A-36",
        file=Path("audio/1-100210-A-36.wav"),
        source="audio/1-100210-A-36.wav",
        captions=("a vacuum cleaner running", "the sound of a vacuum cleaner"),
        split="train",
        labels=("vacuum_cleaner",),
        origin="freesound:100210",
        license="CC-BY-NC-3.0",
        license_url=f"{CREATIVE_COMMONS}licenses/by-nc/3.0/",
        extra={"fold": 1, "take": "A", "esc10": False},
    ),
    Listed(
        key="3-253084-E-2",
        file=Path("audio/3-253084-E-2.wav"),
        source="audio/3-253084-E-2.wav",
        captions=("a pig oinking and grunting", "the sound of a pig grunting"),
        split="train",
        labels=("pig",),
        origin="freesound:253084",
        license="LicenseRef-CC-Sampling-Plus-1.0",
        license_url=f"{CREATIVE_COMMONS}licenses/sampling+/1.0/",
        author="Yle Arkisto",
        extra={"fold": 3, "take": "E", "esc10": False, "title": "Porsas röhkii (wav)"},
    ),
    Listed(
        key="5-9032-A-0",
        file=Path("audio/5-9032-A-0.wav"),
        source="audio/5-9032-A-0.wav",
        captions=DOG,
        split="train",
        labels=("dog",),
        origin="freesound:9032",
        license="CC-BY-3.0",
        license_url=f"{CREATIVE_COMMONS}licenses/by/3.0/",
        author="MisterTood",
        extra={"fold": 5, "take": "A", "esc10": True, "title": "Dog bark2.wav"},
    ),
    Reject(
        key="2-117271-A-0",
        source="audio/2-117271-A-0.wav",
        reason=Reason.MISSING,
        detail="audio/2-117271-A-0.wav is not there: esc50.csv:6 lists it",
    ),
    Reject(
        key="esc50.csv:7",
        source="../5-9032-A-0.wav",
        reason=Reason.PATH,
        detail="esc50.csv:7 was left out: '../5-9032-A-0.wav' is no file name",
    ),
    Reject(
        key="esc50.csv:8",
        source="5-251971-A-12.wav",
        reason=Reason.CAPTION,
        detail="esc50.csv:8 was left out: esc50 has no label 'crackling_fires': expected one of "
        "the 50 in label_captions.toml",
    ),
    Reject(
        key="esc50.csv:9",
        source="5-251971-A-12.wav",
        reason=Reason.ROW,
        detail="esc50.csv:9 was left out: its fold is 'V'",
    ),
    Reject(
        key="esc50.csv:10",
        source="",
        reason=Reason.ROW,
        detail="esc50.csv:10 was left out: it has 3 cells, expected 7",
    ),
]


def imitate(folder, sound):
    (folder / "meta").mkdir(parents=True)
    (folder / "meta/esc50.csv").write_text(TABLE, encoding="utf-8")
    (folder / "LICENSE").write_text(LICENSE, encoding="utf-8")
    for name, heard in [
        ("1-100032-A-0", "crow"),
        ("1-100210-A-36", "steam"),
        ("3-253084-E-2", "burp"),
        ("5-9032-A-0", "door"),
        ("5-251971-A-12", "vinyl"),
    ]:
        sound(folder / f"audio/{name}.wav", heard, seconds=5.0, rate=44_100)


def test_the_listing_is_what_the_published_files_say(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    assert listing_of(ESC50, tmp_path) == LISTED


def test_the_copy_at_kaggle_without_licences_is_read(tmp_path, sound, listing_of):
    imitate(tmp_path / "zip", sound)
    (tmp_path / "zip/meta/esc50.csv").rename(tmp_path / "esc50.csv")
    (tmp_path / "zip/audio").rename(tmp_path / "audio")
    clips = [one for one in listing_of(ESC50, tmp_path) if isinstance(one, Listed)]
    assert tuple(clip.key for clip in clips) == EXPECTED
    assert [clip.license for clip in clips] == [
        "CC-BY-3.0",
        "CC-BY-NC-3.0",
        "CC-BY-NC-3.0",
        "CC-BY-3.0",
    ]
    assert {clip.author for clip in clips} == {""}


def test_another_folder_is_refused(tmp_path, listing_of):
    expected = r"holds no meta/esc50\.csv and no esc50\.csv; expected there: meta/esc50\.csv, audio"
    with pytest.raises(InputError, match=expected):
        listing_of(ESC50, tmp_path)
