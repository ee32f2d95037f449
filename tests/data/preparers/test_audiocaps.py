import csv
import shutil

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.audiocaps import AUDIOCAPS, AUDIOCAPS_V2
from auffusion.errors import InputError

TRAIN = [
    ("91139", "r1nicOVtvkQ", "130", "A woman talks nearby as water pours"),
    ("58146", "UDGBjjwyaqE", "20", "Multiple clanging and clanking sounds"),
    ("11542", "3eJ9RynJzP8", "80", "The wind is blowing, insects are singing, and rustling occurs"),
    ("2552", "-5weqk40jaI", "0", "Wind is blowing and it’s raining"),  # noqa: RUF001
    ("8172", "Y2HNxLN59O5", "30", "On|on"),
    ("5555", "zzGoneVideo", "30", "A dog barks"),
]
# The rows of a clip do not stand together, as in the published lists.
VALIDATION = [
    ("97151", "vfY_TJq7n_U", "130", "Rustling occurs, ducks quack and water splashes"),
    ("107898", "tw76HGONaKg", "570", "A man speaks over intermittent keyboard taps"),
    *((str(97152 + i), "vfY_TJq7n_U", "130", f"Ducks quack, in other words {i}") for i in range(4)),
    *((str(107899 + i), "tw76HGONaKg", "570", f"Someone types, take {i}") for i in range(4)),
]
TEST = [
    ("103549", "7fmOlUlwoNg", "20", "Constant rattling noise and sharp vibrations"),
    *((str(103550 + i), "7fmOlUlwoNg", "20", f"Something rattles, take {i}") for i in range(4)),
]
KEYS = [
    "7fmOlUlwoNg-20",
    "vfY_TJq7n_U-130",
    "tw76HGONaKg-570",
    "r1nicOVtvkQ-130",
    "UDGBjjwyaqE-20",
    "3eJ9RynJzP8-80",
    "5weqk40jaI-0-338b6ee4",
    "Y2HNxLN59O5-30",
]


def write_list(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)  # CRLF, as v1 is
        table.writerow(["audiocap_id", "youtube_id", "start_time", "caption"])
        table.writerows(rows)


def imitate(folder, sound):
    """The lists of v1 and sounds under every name that a downloader gives them."""
    for name, rows in (("train", TRAIN), ("val", VALIDATION), ("test", TEST)):
        write_list(folder / "dataset" / f"{name}.csv", rows)
    sound(folder / "audio/train/91139.wav", "crow", 10, 48_000, 2)
    sound(folder / "audio/train/UDGBjjwyaqE_20.flac", "door", 10, 32_000)
    sound(folder / "audio/train/3eJ9RynJzP8_80000_90000.flac", "steam", 10, 48_000, 2)
    sound(folder / "-5weqk40jaI.wav", "vinyl", 10, 16_000)
    sound(folder / "YY2HNxLN59O5.wav", "bell", 9.2, 32_000)
    sound(folder / "audio/val/vfY_TJq7n_U_130_140.wav", "roll", 10, 44_100, 2)
    sound(folder / "audio/val/Ytw76HGONaKg_570.flac", "till", 10, 32_000)
    for number, *_ in TEST:  # one file for each row
        sound(folder / f"audio/test/{number}.wav", "printer", 10, 44_100)


def listing(folder, data_set=AUDIOCAPS):
    return list(data_set.read(folder, folder / "work"))


def clip(folder, key, file, split, rows, **more):
    _, youtube_id, start, _ = rows[0]
    return Listed(
        key=key,
        file=folder / file,
        source=file,
        captions=tuple(row[3] for row in rows),
        split=split,
        origin=f"youtube:{youtube_id}",
        extra={"youtube_start_s": int(start), "audiocap_ids": " ".join(row[0] for row in rows)},
        **more,
    )


def test_each_clip_is_listed_once_with_all_its_captions_under_whatever_name_it_has(tmp_path, sound):
    imitate(tmp_path, sound)
    ducks = [VALIDATION[0], *VALIDATION[2:6]]
    typing = [VALIDATION[1], *VALIDATION[6:]]
    files = [
        "audio/train/91139.wav",
        "audio/train/UDGBjjwyaqE_20.flac",
        "audio/train/3eJ9RynJzP8_80000_90000.flac",
        "-5weqk40jaI.wav",
        "YY2HNxLN59O5.wav",
    ]
    assert listing(tmp_path) == [
        clip(tmp_path, KEYS[0], "audio/test/103549.wav", "test", TEST),
        clip(tmp_path, KEYS[1], "audio/val/vfY_TJq7n_U_130_140.wav", "validation", ducks),
        clip(tmp_path, KEYS[2], "audio/val/Ytw76HGONaKg_570.flac", "validation", typing),
        *(
            clip(tmp_path, key, file, "train", [row])
            for key, file, row in zip(KEYS[3:], files, TRAIN, strict=False)
        ),
        Reject(
            key="zzGoneVideo-30",
            source="youtube:zzGoneVideo",
            reason=Reason.MISSING,
            detail="youtube:zzGoneVideo is not there: no sound is called zzGoneVideo, "
            "that and _30, or 5555",
        ),
    ]
    assert [len(one.captions) for one in listing(tmp_path)[:4]] == [5, 5, 5, 1]


def test_version_2_reads_its_own_lists_and_the_lists_may_lie_in_the_folder_itself(tmp_path, sound):
    imitate(tmp_path, sound)
    lower = [(*row[:3], row[3].lower()) for row in TRAIN]
    for name, rows in (("train", lower), ("val", VALIDATION), ("test", TEST)):
        write_list(tmp_path / "dataset2.0" / f"{name}.csv", rows)
    v1, v2 = listing(tmp_path), listing(tmp_path, AUDIOCAPS_V2)
    assert [one.key for one in v2] == [one.key for one in v1]
    assert v2[3].captions == ("a woman talks nearby as water pours",)
    shutil.copytree(tmp_path / "dataset", tmp_path, dirs_exist_ok=True)
    assert listing(tmp_path, AUDIOCAPS_V2) == v1


def test_a_bad_row_costs_that_row_only(tmp_path, sound):
    imitate(tmp_path, sound)
    bad = [
        ("1", "../../../pwd", "0", "rain"),
        ("2", "UDGBjjwyaqE", "soon", "rain"),
        ("3", "UDGBjjwyaqE", "20", "  "),
        ("4", "UDGBjjwyaqE"),
    ]
    write_list(tmp_path / "dataset/train.csv", [*bad, *TRAIN[1:2]])
    rejects = [one for one in listing(tmp_path) if isinstance(one, Reject)]
    assert [(one.key, one.reason) for one in rejects] == [
        ("train.csv:2", Reason.ROW),
        ("train.csv:3", Reason.ROW),
        ("train.csv:4", Reason.CAPTION),
        ("train.csv:5", Reason.ROW),
    ]
    assert listing(tmp_path)[-1].key == "UDGBjjwyaqE-20"


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_a_list_that_is_not_there_is_told(tmp_path, sound, name):
    imitate(tmp_path, sound)
    (tmp_path / "dataset" / f"{name}.csv").unlink()
    with pytest.raises(InputError, match=rf"holds no {name}\.csv, nor do its folders dataset and"):
        listing(tmp_path)


def test_another_table_is_told(tmp_path, sound):
    imitate(tmp_path, sound)
    (tmp_path / "dataset/val.csv").write_text("id,text\n1,rain\n")
    with pytest.raises(InputError, match=r"val\.csv has no column 'audiocap_id'"):
        listing(tmp_path)
