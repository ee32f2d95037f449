from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject, clip_key
from auffusion.data.preparers.musical_instruments import MUSICAL_INSTRUMENTS
from auffusion.errors import InputError

# As published: the violin's rows name the drums' files again, and one file has three classes.
TRAIN = [
    ("1-E1-Major 00.wav", "Sound_Guitar"),
    ("AR_Lick1_FN.wav", "Sound_Guitar"),
    ("DRUM_SOUND (1).wav", "Sound_Drum"),
    ("loop-16247.wav", "Sound_Drum"),
    ("DRUM_SOUND (1).wav", "Sound_Violin"),
    ("loop-16247.wav", "Sound_Violin"),
    ("loop-16247.wav", "Sound_Piano"),
    ("8-bit-arcade-138828.wav", "Sound_Piano"),
    ("C:\\piano.wav", "Sound_Piano"),
    ("flute.wav", "Sound_Flute"),
]
TEST = [
    ("guitar-chords-70663.wav", "Sound_Guiatr"),
    ("Va-ord-E4-ff-4c.wav", "Sound_Violin"),
]

GUITAR = ("a guitar playing", "the sound of someone playing the guitar")
DRUM = ("drums playing", "the sound of someone playing the drums")
VIOLIN = ("a violin playing", "the sound of someone playing the violin")
TRAINING = "Train_submission/Train_submission"
TESTING = "Test_submission/Test_submission"


def listed(split, folder, name, label, captions, **rest):
    source = f"{folder}/{name}"
    return Listed(
        key=clip_key(split, Path(name).stem),
        file=Path(source),
        source=source,
        captions=captions,
        split=split,
        labels=(label,),
        **rest,
    )


def repeated(line, name, here, before):
    place = f"Metadata_Train.csv:{line}"
    return Reject(
        key=place,
        source=f"{TRAINING}/{name}",
        reason=Reason.REPEATED,
        detail=f"{place} was left out: {name} is {here} here and {before} in an earlier row",
    )


UNLISTED = {"extra": {"unlisted": True}}
LISTED = [
    listed("train", TRAINING, "1-E1-Major 00.wav", "Sound_Guitar", GUITAR),
    listed("train", TRAINING, "AR_Lick1_FN.wav", "Sound_Guitar", GUITAR),
    listed("train", TRAINING, "DRUM_SOUND (1).wav", "Sound_Drum", DRUM),
    listed("train", TRAINING, "loop-16247.wav", "Sound_Drum", DRUM),
    repeated(6, "DRUM_SOUND (1).wav", "Sound_Violin", "Sound_Drum"),
    repeated(7, "loop-16247.wav", "Sound_Violin", "Sound_Drum"),
    repeated(8, "loop-16247.wav", "Sound_Piano", "Sound_Drum"),
    Reject(
        key="train-8-bit-arcade-138828",
        source=f"{TRAINING}/8-bit-arcade-138828.wav",
        reason=Reason.MISSING,
        detail=f"{TRAINING}/8-bit-arcade-138828.wav is not there: Metadata_Train.csv:9 lists it",
    ),
    Reject(
        key="Metadata_Train.csv:10",
        source="C:\\piano.wav",
        reason=Reason.PATH,
        detail="Metadata_Train.csv:10 was left out: 'C:\\\\piano.wav' is no file name",
    ),
    Reject(
        key="Metadata_Train.csv:11",
        source=f"{TRAINING}/flute.wav",
        reason=Reason.CAPTION,
        detail="Metadata_Train.csv:11 was left out: musical-instruments has no label "
        "'Sound_Flute': expected one of the 4 in label_captions.toml",
    ),
    listed("train", TRAINING, "0_emil-telmanyi_bwv1001.wav", "Sound_Violin", VIOLIN, **UNLISTED),
    listed("train", TRAINING, "Vn-ord-C5-pp-2c.wav", "Sound_Violin", VIOLIN, **UNLISTED),
    Reject(
        key=f"{TRAINING}/mystery.wav",
        source=f"{TRAINING}/mystery.wav",
        reason=Reason.CAPTION,
        detail=f"{TRAINING}/mystery.wav was left out: no row of Metadata_Train.csv names it",
    ),
    listed("train", TRAINING, "violin_sound (1).wav", "Sound_Violin", VIOLIN, **UNLISTED),
    listed("test", TESTING, "guitar-chords-70663.wav", "Sound_Guitar", GUITAR),
    listed("test", TESTING, "Va-ord-E4-ff-4c.wav", "Sound_Violin", VIOLIN),
]

EXPECTED = tuple(one.key for one in LISTED if isinstance(one, Listed))
"""The keys of the clips that are there, in order."""


def imitate(folder, sound):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in [("Train", TRAIN), ("Test", TEST)]:
        lines = [",".join(row) for row in [("FileName", "Class"), *rows]]
        path = folder / f"Metadata_{name}.csv"
        path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    heard = {
        f"{TRAINING}/1-E1-Major 00.wav": "guitar",
        f"{TRAINING}/AR_Lick1_FN.wav": "guitar",
        f"{TRAINING}/DRUM_SOUND (1).wav": "drums",
        f"{TRAINING}/loop-16247.wav": "roll",
        f"{TRAINING}/0_emil-telmanyi_bwv1001.wav": "bell",
        f"{TRAINING}/Vn-ord-C5-pp-2c.wav": "phone",
        f"{TRAINING}/mystery.wav": "till",
        f"{TRAINING}/violin_sound (1).wav": "steam",
        f"{TESTING}/guitar-chords-70663.wav": "guitar",
        f"{TESTING}/Va-ord-E4-ff-4c.wav": "crow",
    }
    for number, (path, name) in enumerate(heard.items()):
        sound(folder / path, name, seconds=2.0 + number, rate=44_100, channels=1 + number % 2)


def test_the_listing_mends_what_the_published_lists_get_wrong(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    assert listing_of(MUSICAL_INSTRUMENTS, tmp_path) == LISTED


def test_a_corrected_list_leaves_nothing_to_mend(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    (tmp_path / "Metadata_Train.csv").write_text(
        "FileName,Class\nviolin_sound (1).wav,Sound_Violin\n", encoding="utf-8"
    )
    found = listing_of(MUSICAL_INSTRUMENTS, tmp_path)
    assert found[0] == listed("train", TRAINING, "violin_sound (1).wav", "Sound_Violin", VIOLIN)


@pytest.mark.parametrize(
    "absent", ["Metadata_Train.csv", "Metadata_Test.csv", "Train_submission", "Test_submission"]
)
def test_a_folder_without_one_of_the_parts_is_refused(tmp_path, sound, listing_of, absent):
    imitate(tmp_path / "whole", sound)
    (tmp_path / "whole" / absent).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"holds no {absent}; expected there: Metadata_Train"):
        listing_of(MUSICAL_INSTRUMENTS, tmp_path / "whole")
