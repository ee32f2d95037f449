import json
import os
from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject, clip_key
from auffusion.data.preparers.folder import FOLDER
from auffusion.errors import InputError

# As spreadsheets save it: byte order mark, CRLF, a trailing empty row; and every kind of bad row.
TABLE = (
    "\ufefffile_name,caption,label,split,licence,Author,start,end,duration,fold\r\n"
    'train/crow.wav,"A crow caws, twice",bird,,CC0,Ada,,,1.9,1\r\n'
    "train\\door.wav,A door  slams,,,,,0.5,1.75,,2\r\n"
    "train/door.wav,A door creaks,,test,,,0,1.25,,\r\n"
    "dev/bell.mp3,,church_bell,,,,,,,\r\n"
    "test/till.flac,A till rings,till,,https://creativecommons.org/licenses/by/3.0/,Bo,,,,\r\n"
    "train/none.wav,Nothing,,,,,,,,\r\n"
    "../secret.wav,A secret,,,,,,,,\r\n"
    "/etc/passwd,A secret,,,,,,,,\r\n"
    "C:\\sounds\\crow.wav,A crow,,,,,,,,\r\n"
    "https://example.org/crow.wav,A crow,,,,,,,,\r\n"
    "out.wav,A secret,,,,,,,,\r\n"
    "train/crow.wav,   ,,,,,,,,\r\n"
    f"train/crow.wav,{'caw ' * 2_501},,,,,,,,\r\n"
    "train/crow.wav,0017,,,,,,,,\r\n"
    "train/crow.wav,A\x07crow,,,,,,,,\r\n"
    "train/crow.wav,A crow,,tset,,,,,,\r\n"
    "train/crow.wav,A crow,,,,,soon,,,\r\n"
    "train/crow.wav,A crow,,,,,2,1,,\r\n"
    "train/crow.wav,A crow\r\n"
    ",A crow,,,,,,,,\r\n"
    ",,,,,,,,,\r\n"
).encode()

DOOR = "train/door.wav"
EXPECTED = (
    clip_key("train/crow.wav"),
    clip_key(DOOR, 0.5, 1.25),
    clip_key(DOOR, 0.0, 1.25),
    clip_key("dev/bell.mp3"),
    clip_key("test/till.flac"),
)
"""The keys of the clips of the imitation, in order."""

LISTED = [
    Listed(
        key=EXPECTED[0],
        file=Path("train/crow.wav"),
        source="train/crow.wav",
        captions=("A crow caws, twice",),
        split="train",
        labels=("bird",),
        license="CC0-1.0",
        author="Ada",
        extra={"duration": "1.9", "fold": "1"},
    ),
    Listed(
        key=EXPECTED[1],
        file=Path(DOOR),
        source=DOOR,
        captions=("A door slams",),
        split="train",
        start_s=0.5,
        seconds=1.25,
        extra={"fold": "2"},
    ),
    Listed(
        key=EXPECTED[2],
        file=Path(DOOR),
        source=DOOR,
        captions=("A door creaks",),
        split="test",
        seconds=1.25,
    ),
    Listed(
        key=EXPECTED[3],
        file=Path("dev/bell.mp3"),
        source="dev/bell.mp3",
        captions=("church bell",),
        split="validation",
        labels=("church_bell",),
    ),
    Listed(
        key=EXPECTED[4],
        file=Path("test/till.flac"),
        source="test/till.flac",
        captions=("A till rings",),
        split="test",
        labels=("till",),
        license="CC-BY-3.0",
        license_url="https://creativecommons.org/licenses/by/3.0/",
        author="Bo",
    ),
]
REJECTS = [
    (7, Reason.MISSING, "train/none.wav is not there"),
    (8, Reason.PATH, "'../secret.wav' is no relative path in the data set's folder"),
    (9, Reason.PATH, "'/etc/passwd' is no relative path"),
    (10, Reason.PATH, "is no relative path"),
    (11, Reason.PATH, "'https://example.org/crow.wav' is no relative path"),
    (12, Reason.PATH, "'out.wav' is no relative path"),
    (13, Reason.CAPTION, "it has no caption"),
    (14, Reason.CAPTION, "its caption has 10003 letters"),
    (15, Reason.CAPTION, "its caption '0017' has no letter"),
    (16, Reason.CAPTION, "its caption has control characters"),
    (17, Reason.ROW, "its split 'tset' is none of train, validation and test"),
    (18, Reason.ROW, "'soon' is no time in seconds"),
    (19, Reason.ROW, "it begins at 2 s and lasts -1 s"),
    (20, Reason.ROW, "it has 2 cells, expected 10"),
    (21, Reason.ROW, "it names no file"),
]


def imitate(folder, sound):
    """A folder as a user may keep it."""
    sound(folder / "train/crow.wav", "crow", seconds=2, rate=44_100, channels=2)
    sound(folder / "train/door.wav", "door", seconds=2.5)
    sound(folder / "dev/bell.mp3", "bell", rate=32_000)
    sound(folder / "test/till.flac", "till", rate=48_000)
    sound(folder.parent / "secret.wav")
    (folder / "out.wav").symlink_to(folder.parent / "secret.wav")
    (folder / "metadata.csv").write_bytes(TABLE)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


@pytest.fixture
def silent_files(folder):
    """Files with names of sounds: a preparer opens none."""

    def write(*names):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()

    return write


def told(found):
    """(source, captions, split) of clips, (key, reason) of rejects."""
    return [
        (one.source, one.captions, one.split) if isinstance(one, Listed) else (one.key, one.reason)
        for one in found
    ]


def test_every_row_is_a_clip_or_one_reject(folder, sound, listing_of):
    imitate(folder, sound)
    found = listing_of(FOLDER, folder)
    assert [one for one in found if isinstance(one, Listed)] == LISTED
    rejects = [one for one in found if isinstance(one, Reject)]
    assert [(one.key, one.reason) for one in rejects] == [
        (f"metadata.csv:{line}", reason) for line, reason, _ in REJECTS
    ]
    for one, (_, _, detail) in zip(rejects, REJECTS, strict=True):
        assert detail in one.detail


@pytest.mark.parametrize(
    "column",
    [
        *("file_name", "File Name", "audio", "location", "path", "file", "audio_path", "filepath"),
        *("filename", "audio_filepath"),
    ],
)
@pytest.mark.parametrize("text", ["caption", "captions", "text", "prompt", "description", "label"])
def test_columns_go_by_the_names_that_people_use(folder, silent_files, listing_of, column, text):
    silent_files("a.wav")
    (folder / "metadata.csv").write_text(f"{text},{column}\nRain,a.wav\n")
    assert told(listing_of(FOLDER, folder)) == [("a.wav", ("Rain",), "train")]


def test_lists_of_tango_are_read_with_their_splits(folder, silent_files, listing_of):
    # One object a line, in files that end in .json.
    silent_files("wav/a.wav", "wav/b.wav")
    row = {"dataset": "audiocaps", "location": "wav/a.wav", "captions": "Rain falls"}
    (folder / "train_audiocaps.json").write_text(json.dumps(row) + "\n")
    row["location"] = "wav/b.wav"
    absolute = {**row, "location": "/data/deep/audioset/data/b.wav"}
    (folder / "test_audiocaps_subset.json").write_text(f"{json.dumps(absolute)}\n{json.dumps(row)}")
    found = listing_of(FOLDER, folder)
    assert told(found) == [
        ("test_audiocaps_subset.json:1", Reason.PATH),
        ("wav/b.wav", ("Rain falls",), "test"),
        ("wav/a.wav", ("Rain falls",), "train"),
    ]
    assert found[1].extra == {"dataset": "audiocaps"}


def test_a_list_of_audio_and_prompt_is_read_whatever_it_is_called(folder, silent_files, listing_of):
    silent_files("a.wav")
    (folder / "sfx.jsonl").write_text('{"audio": "a.wav", "prompt": "Rain"}\n{"audio": 3}\n[]\n')
    assert told(listing_of(FOLDER, folder)) == [
        ("a.wav", ("Rain",), "train"),
        ("sfx.jsonl:2", Reason.MISSING),
        ("sfx.jsonl:3", Reason.ROW),
    ]


def test_a_row_may_have_several_captions(folder, silent_files, listing_of):
    silent_files("a.wav", "b.wav", "c.wav", "d.wav")
    rows = [
        {"file_name": "a.wav", "captions": ["Rain", " ", "Rain  falls", "Rain", None]},
        {"file_name": "b.wav", "caption_1": "Hail", "caption_2": "Hail falls"},
        {"file_name": "c.wav", "captions": ["Rain", 3]},
        {"file_name": "d.wav", "caption": float("nan"), "label": 7, "category": "rain_fall"},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert told(listing_of(FOLDER, folder)) == [
        ("a.wav", ("Rain", "Rain falls"), "train"),
        ("b.wav", ("Hail", "Hail falls"), "train"),
        ("metadata.jsonl:3", Reason.CAPTION),
        ("metadata.jsonl:4", Reason.CAPTION),
    ]


def test_origins_and_what_else_a_row_says_are_kept(folder, silent_files, listing_of):
    silent_files("a.wav", "b.wav")
    rows = [
        {"path": "a.wav", "text": "Rain", "youtube_id": "-abc", "license": "Own", "loud": True},
        {"path": "b.wav", "text": "Rain", "freesound_id": 17, "snr": float("nan"), "x": "y" * 2000},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    one, other = listing_of(FOLDER, folder)
    assert (one.origin, one.license, one.extra) == ("youtube:-abc", "Own", {"loud": True})
    assert (other.origin, other.license, other.extra) == ("freesound:17", "unknown", {})


def test_lists_in_folders_of_splits_are_relative_to_their_folder(folder, silent_files, listing_of):
    silent_files("train/a.wav", "validation/a.wav")
    for split in ("train", "validation"):
        (folder / split / "metadata.csv").write_text("file_name,text\na.wav,Rain\n")
    assert told(listing_of(FOLDER, folder)) == [
        ("train/a.wav", ("Rain",), "train"),
        ("validation/a.wav", ("Rain",), "validation"),
    ]


def test_texts_beside_sounds_are_their_captions(folder, silent_files, listing_of):
    silent_files("val/b.wav", "a.wav", "c.flac", "d.wav", "e.wav", "f.wav", "g.wav", "train.wav")
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbfRain falls\r\n\r\nRain\r\n")
    (folder / "val/b.json").write_text('{\n "description": "Hail",\n "license": "cc-by-4.0"\n}')
    (folder / "c.txt").write_bytes(b"caf\xe9")
    (folder / "d.json").write_text('"Rain"')
    (folder / "e.json").write_text('{"author": "Ada"}')
    (folder / "e.txt").write_text("Snow")
    (folder / "f.txt").symlink_to("/etc/hostname")
    (folder / "train.json").write_text('{"caption": "A train"}')
    (folder / "README.txt").write_text("Nothing to hear")
    found = listing_of(FOLDER, folder)
    assert told(found) == [
        ("a.wav", ("Rain falls", "Rain"), "train"),
        ("c.flac", Reason.CAPTION),
        ("d.wav", Reason.ROW),
        ("e.wav", ("Snow",), "train"),
        ("f.wav", Reason.PATH),
        ("g.wav", Reason.CAPTION),
        ("train.wav", ("A train",), "train"),
        ("val/b.wav", ("Hail",), "validation"),
    ]
    assert found[3].author == "Ada"
    assert found[-1].license == "CC-BY-4.0"


def test_a_text_of_megabytes_beside_a_sound_is_no_caption(folder, silent_files, listing_of):
    silent_files("a.wav")
    (folder / "a.txt").write_bytes(b"rain " * 300_000)
    assert told(listing_of(FOLDER, folder)) == [("a.wav", Reason.CAPTION)]


def test_without_texts_names_are_the_captions(folder, silent_files, listing_of):
    # A train is a class here: no folder of validation or test sounds is beside it.
    silent_files("train/loco_01.wav", "dog_bark/17.wav", "rain_on_roof_03.wav", "0017.wav")
    silent_files("sounds/wind.ogg", "old.m4a", ".hidden.wav", "__MACOSX/._rain.wav")
    (folder / "dead.wav").symlink_to("gone.wav")
    found = listing_of(FOLDER, folder)
    assert told(found) == [
        ("0017.wav", Reason.CAPTION),
        ("dead.wav", Reason.MISSING),
        ("old.m4a", ("old",), "train"),
        ("rain_on_roof_03.wav", ("rain on roof",), "train"),
        ("dog_bark/17.wav", ("dog bark",), "train"),
        ("sounds/wind.ogg", ("wind",), "train"),
        ("train/loco_01.wav", ("train",), "train"),
    ]
    assert [one.labels for one in found[4:]] == [("dog_bark",), (), ("train",)]


def test_folders_of_splits_are_no_classes(folder, silent_files, listing_of):
    silent_files("data/train/dog/1.wav", "data/Test/dog/2.wav", "data/dev/rain_1.wav")
    assert told(listing_of(FOLDER, folder)) == [
        ("data/Test/dog/2.wav", ("dog",), "test"),
        ("data/dev/rain_1.wav", ("rain",), "validation"),
        ("data/train/dog/1.wav", ("dog",), "train"),
    ]


def test_a_name_that_is_no_text_is_one_reject(folder, silent_files, listing_of):
    silent_files("rain.wav")
    try:
        open(os.fsencode(folder) + b"/caf\xe9.wav", "wb").close()  # noqa: PTH123
    except OSError:
        pytest.skip("this file system keeps names as UTF-8")
    assert told(listing_of(FOLDER, folder)) == [
        (r"caf\xe9.wav", Reason.PATH),
        ("rain.wav", ("rain",), "train"),
    ]


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "holds no sounds and no list of them, expected sounds, and captions in metadata.csv"),
        ({"metadata.csv": "", "metadata.jsonl": ""}, r"several lists \(metadata.csv, metadata"),
        ({"a.csv": "", "b.csv": ""}, r"several lists \(a.csv, b.csv\): leave the one"),
        ({"metadata.csv": "name,caption\na.wav,Rain\n"}, "has the columns name, caption, expected"),
        ({"metadata.csv": "file,words\na.wav,Rain\n"}, "has the columns file, words, expected"),
        ({"metadata.csv": "file,text,text\n"}, "has two columns 'text'"),
        ({"metadata.json": '[\n{"file": "a.wav"}]'}, "expected one object a line"),
    ],
)
def test_a_folder_that_cannot_serve_is_refused(folder, listing_of, files, match):
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(InputError, match=match):
        listing_of(FOLDER, folder)


def test_a_list_that_is_a_link_out_of_the_folder_is_refused(folder, listing_of):
    (folder.parent / "list.csv").write_text("file,text\n")
    (folder / "metadata.csv").symlink_to(folder.parent / "list.csv")
    with pytest.raises(InputError, match="is a link that leads out of"):
        listing_of(FOLDER, folder)


def test_a_file_is_no_folder(folder, listing_of):
    with pytest.raises(InputError, match="is no folder, expected one that holds sounds"):
        listing_of(FOLDER, folder / "none")
