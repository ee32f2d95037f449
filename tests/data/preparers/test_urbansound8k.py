from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.urbansound8k import URBANSOUND8K
from auffusion.errors import InputError

TABLE = """\
slice_file_name,fsID,start,end,salience,fold,classID,class
100032-3-0-0.wav,100032,0,0.317551,1,5,3,dog_bark
100263-2-0-117.wav,100263,58.5,62.5,1,5,2,children_playing
100648-1-0-0.wav,100648,4.823402,5.471927,2,10,1,car_horn
102305-6-0-0.wav,102305,0,2.61161,1,1,6,gun_shot
102857-5-0-0.wav,102857,0,4,1,10,5,engine_idling
/etc/100852-0-0-0.wav,100852,0,4,1,5,0,air_conditioner
100852-0-0-0.wav,100852,0,4,1,5,0,air conditioner
100852-0-0-0.wav,100852,0,nan,1,5,0,air_conditioner
100852-0-0-0.wav,edbles,0,4,1,5,0,air_conditioner
100852-0-0-0.wav,100852,"0,4,1,5
"""

CREDITS = """\
This dataset uses the following sounds from Freesound:

[soundid] by [username]

100032 by nfrae
100263 by sagetyrtle
100648 by Unice.ys
17124 by cognito perceptu
"""

EXPECTED = ("100032-3-0-0", "100263-2-0-117", "100648-1-0-0", "102305-6-0-0")
"""The keys of the clips that are there, in order."""


def listed(fold, name, label, captions, number, author, start, end, salience):
    source = f"audio/fold{fold}/{name}.wav"
    return Listed(
        key=name,
        file=Path(source),
        source=source,
        captions=captions,
        split="train",
        labels=(label,),
        origin=f"freesound:{number}",
        license="CC-BY-NC-3.0",
        license_url="http://creativecommons.org/licenses/by-nc/3.0/",
        author=author,
        extra={
            "fold": fold,
            "salience": salience,
            "recording_start_s": start,
            "recording_end_s": end,
        },
    )


DOG = ("a dog barking", "the sound of a dog barking")
CHILDREN = ("children playing", "the sound of children playing outside")
HORN = ("a car horn honking", "the sound of a car horn")
SHOT = ("a gunshot", "the sound of a gun being fired")
LISTED = [
    listed(5, EXPECTED[0], "dog_bark", DOG, 100032, "nfrae", 0.0, 0.317551, 1),
    listed(5, EXPECTED[1], "children_playing", CHILDREN, 100263, "sagetyrtle", 58.5, 62.5, 1),
    listed(10, EXPECTED[2], "car_horn", HORN, 100648, "Unice.ys", 4.823402, 5.471927, 2),
    listed(1, EXPECTED[3], "gun_shot", SHOT, 102305, "", 0.0, 2.61161, 1),
    Reject(
        key="102857-5-0-0",
        source="audio/fold10/102857-5-0-0.wav",
        reason=Reason.MISSING,
        detail="audio/fold10/102857-5-0-0.wav is not there: UrbanSound8K.csv:6 lists it",
    ),
    Reject(
        key="UrbanSound8K.csv:7",
        source="/etc/100852-0-0-0.wav",
        reason=Reason.PATH,
        detail="UrbanSound8K.csv:7 was left out: '/etc/100852-0-0-0.wav' is no file name",
    ),
    Reject(
        key="UrbanSound8K.csv:8",
        source="100852-0-0-0.wav",
        reason=Reason.CAPTION,
        detail="UrbanSound8K.csv:8 was left out: urbansound8k has no label 'air conditioner': "
        "expected one of the 10 in label_captions.toml",
    ),
    Reject(
        key="UrbanSound8K.csv:9",
        source="100852-0-0-0.wav",
        reason=Reason.ROW,
        detail="UrbanSound8K.csv:9 was left out: a number in it is none ('nan' is no moment)",
    ),
    Reject(
        key="UrbanSound8K.csv:10",
        source="100852-0-0-0.wav",
        reason=Reason.ROW,
        detail="UrbanSound8K.csv:10 was left out: a number in it is none (invalid literal for "
        "int() with base 10: 'edbles')",
    ),
]


def imitate(folder, sound):
    """Files as different as uploads are: the dog is under a second, the shot is MS ADPCM."""
    (folder / "metadata").mkdir(parents=True)
    (folder / "metadata/UrbanSound8K.csv").write_text(TABLE, encoding="utf-8")
    (folder / "FREESOUNDCREDITS.txt").write_text(CREDITS, encoding="utf-8")
    audio = folder / "audio"
    sound(audio / "fold5/100032-3-0-0.wav", "crow", seconds=0.317551, rate=44_100, channels=2)
    sound(audio / "fold5/100263-2-0-117.wav", "drums", 4.0, 96_000, 2, "PCM_24")
    sound(audio / "fold10/100648-1-0-0.wav", "phone", 0.648525, 22_050, 1, "PCM_U8")
    sound(audio / "fold1/102305-6-0-0.wav", "door", 2.61161, 44_100, 1, "MS_ADPCM")
    (audio / "fold1/.DS_Store").write_bytes(b"\0")


def test_the_listing_is_what_the_published_files_say(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    *found, broken = listing_of(URBANSOUND8K, tmp_path)
    assert found == LISTED
    assert (broken.key, broken.reason) == ("UrbanSound8K.csv:11", Reason.ROW)


def test_the_copy_at_kaggle_is_read(tmp_path, sound, listing_of):
    imitate(tmp_path / "zip", sound)
    (tmp_path / "zip/metadata/UrbanSound8K.csv").rename(tmp_path / "UrbanSound8K.csv")
    for fold in (1, 5, 10):
        (tmp_path / f"zip/audio/fold{fold}").rename(tmp_path / f"fold{fold}")
    clips = [one for one in listing_of(URBANSOUND8K, tmp_path) if isinstance(one, Listed)]
    assert tuple(clip.key for clip in clips) == EXPECTED
    assert clips[0].source == "fold5/100032-3-0-0.wav"
    assert {clip.author for clip in clips} == {""}


def test_another_folder_is_refused(tmp_path, listing_of):
    with pytest.raises(InputError, match=r"holds no metadata/UrbanSound8K\.csv and no Urban"):
        listing_of(URBANSOUND8K, tmp_path)
