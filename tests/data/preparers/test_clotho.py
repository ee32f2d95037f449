import csv
import io

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.clotho import CLOTHO
from auffusion.errors import InputError

BY = "http://creativecommons.org/licenses/by/3.0/"
ZERO = "http://creativecommons.org/publicdomain/zero/1.0/"
SAMPLING = "http://creativecommons.org/licenses/sampling+/1.0/"
HEADER = "file_name,keywords,sound_id,sound_link,start_end_samples,manufacturer,license"
CAPTIONS = "file_name,caption_1,caption_2,caption_3,caption_4,caption_5"
# file name: keywords, id, link, samples, manufacturer, licence
METADATA = {
    "development": {
        "Distorted AM Radio noise.wav": (
            "noise;radio",
            "117790",
            "https://freesound.org/people/SpliceSound/sounds/117790",
            "[0, 1153823]",
            "SpliceSound",
            BY,
        ),
        " Ambience Birds.wav": (
            "pájaros;birds",
            "204046",
            "https://freesound.org/people/Jöns/sounds/204046",
            "[1024, 845524]",
            "Jöns",
            ZERO,
        ),
        "SpaceAmbient.wav": ("space", "Not found", "NA", "", "", SAMPLING),
        "City Ambience w_ Car Passing_1-2.wav": ("city", "7", "NA", "[1, 2]", "x", BY),
        "gone.wav": ("void", "8", "NA", "[1, 2]", "x", BY),
    },
    "validation": {"City Ambience w_ Car Passing_1-2.wav": ("city", "7", "NA", "[3, 4]", "x", BY)},
    "evaluation": {
        "Radio Garble.wav": (
            "garbled-radio;police",
            "80399",
            "https://freesound.org/people/Benboncan/sounds/80399",
            "[1024, 845524]",
            "Benboncan",
            BY,
        )
    },
}
KEYS = [
    "development-Distorted-AM-Radio-noise-4689dd8e",
    "development--Ambience-Birds-441fcdb1",
    "development-SpaceAmbient",
    "development-City-Ambience-w_-Car-Passing_1-2-2049da37",
    "validation-City-Ambience-w_-Car-Passing_1-2-d1398f1a",
    "evaluation-Radio-Garble-7bd81a35",
]
SOUNDS = {
    "Distorted AM Radio noise.wav": "vinyl",
    " Ambience Birds.wav": "crow",
    "SpaceAmbient.wav": "steam",
    "City Ambience w_ Car Passing_1-2.wav": "roll",
    "Radio Garble.wav": "phone",
}


def said(name):
    return tuple(f"Somebody says, in {n} words, what {name!r} sounds like" for n in range(5))


def table(header, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue()


def imitate(folder, sound, splits=tuple(METADATA), encoding="iso-8859-1"):
    """v2.1 as it unpacks."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        metadata = METADATA[split]
        rows = [(name, *cells) for name, cells in metadata.items()]
        path = folder / f"clotho_metadata_{split}.csv"
        path.write_bytes(table(HEADER, rows).encode(encoding))
        captions = [(name, *said(name)) for name in metadata]
        (folder / f"clotho_captions_{split}.csv").write_text(table(CAPTIONS, captions))
        for number, name in enumerate(name for name in metadata if name in SOUNDS):
            sound(folder / split / name, SOUNDS[name], 15 + number, 44_100)


def listing(folder):
    return list(CLOTHO.read(folder, folder / "work"))


def clip(folder, key, file, split, **more):
    name = file.split("/", 1)[1]
    return Listed(
        key=key, file=folder / file, source=file, captions=said(name), split=split, **more
    )


def test_every_clip_has_five_captions_its_licence_and_its_uploader(tmp_path, sound):
    imitate(tmp_path, sound)
    by = {"license": "CC-BY-3.0", "license_url": BY}
    city = {"author": "x", "origin": "freesound:7"} | by
    assert listing(tmp_path) == [
        clip(
            tmp_path,
            KEYS[0],
            "development/Distorted AM Radio noise.wav",
            "train",
            origin="freesound:117790",
            author="SpliceSound",
            extra={
                "keywords": "noise;radio",
                "sound_link": "https://freesound.org/people/SpliceSound/sounds/117790",
                "start_sample": 0,
                "end_sample": 1153823,
            },
            **by,
        ),
        clip(
            tmp_path,
            KEYS[1],
            "development/ Ambience Birds.wav",
            "train",
            origin="freesound:204046",
            author="Jöns",
            license="CC0-1.0",
            license_url=ZERO,
            extra={
                "keywords": "pájaros;birds",
                "sound_link": "https://freesound.org/people/Jöns/sounds/204046",
                "start_sample": 1024,
                "end_sample": 845524,
            },
        ),
        clip(
            tmp_path,
            KEYS[2],
            "development/SpaceAmbient.wav",
            "train",
            license="LicenseRef-CC-Sampling-Plus-1.0",
            license_url=SAMPLING,
            extra={"keywords": "space"},
        ),
        clip(
            tmp_path,
            KEYS[3],
            "development/City Ambience w_ Car Passing_1-2.wav",
            "train",
            extra={"keywords": "city", "start_sample": 1, "end_sample": 2},
            **city,
        ),
        Reject(
            key="development-gone",
            source="development/gone.wav",
            reason=Reason.MISSING,
            detail="development/gone.wav is not there: unpack the split's archive again",
        ),
        clip(
            tmp_path,
            KEYS[4],
            "validation/City Ambience w_ Car Passing_1-2.wav",
            "validation",
            extra={"keywords": "city", "start_sample": 3, "end_sample": 4},
            **city,
        ),
        clip(
            tmp_path,
            KEYS[5],
            "evaluation/Radio Garble.wav",
            "test",
            origin="freesound:80399",
            author="Benboncan",
            extra={
                "keywords": "garbled-radio;police",
                "sound_link": "https://freesound.org/people/Benboncan/sounds/80399",
                "start_sample": 1024,
                "end_sample": 845524,
            },
            **by,
        ),
    ]


def test_version_1_has_no_validation_and_metadata_in_utf_8(tmp_path, sound):
    imitate(tmp_path / "1", sound, ("development", "evaluation"), "utf-8")
    imitate(tmp_path / "2", sound)
    v1, v2 = listing(tmp_path / "1"), listing(tmp_path / "2")
    assert [one.key for one in v1] == [one.key for one in v2 if "validation" not in one.key]
    assert [one.author for one in v1[:2]] == ["SpliceSound", "Jöns"]


def test_lists_and_folders_may_lie_in_folders_of_their_own(tmp_path, sound):
    imitate(tmp_path, sound)
    before = listing(tmp_path)
    for name in ("clotho_csv_files", "clotho_audio_files"):
        (tmp_path / name).mkdir()
    for path in list(tmp_path.glob("*.csv")):
        path.rename(tmp_path / "clotho_csv_files" / path.name)
    for name in METADATA:
        (tmp_path / name).rename(tmp_path / "clotho_audio_files" / name)
    after = listing(tmp_path)
    assert [one.key for one in after] == [one.key for one in before]
    assert [one.source for one in after] == [f"clotho_audio_files/{one.source}" for one in before]


def test_a_name_with_letters_that_file_systems_refuse_is_found_with_others_in_their_place(
    tmp_path, sound
):
    imitate(tmp_path, sound)
    names = ["raindrops on metal: police background.wav", "Intersection Wet : Metro Pass.wav"]
    names += ["a: b.wav"]
    captions = [(name, *said(name)) for name in names]
    (tmp_path / "clotho_captions_evaluation.csv").write_text(table(CAPTIONS, captions))
    there = ["raindrops on metal_police background.wav", "Intersection Wet_Metro Pass.wav"]
    for name in [*there, "c_ b.wav", "d.wav"]:
        sound(tmp_path / "evaluation" / name)
    last = listing(tmp_path)[-3:]
    assert [one.source for one in last[:2]] == [f"evaluation/{name}" for name in there]
    assert [one.captions for one in last[:2]] == [said(name) for name in names[:2]]
    assert isinstance(last[2], Reject)


def test_two_files_that_could_both_be_meant_are_neither(tmp_path, sound):
    imitate(tmp_path, sound)
    text = table(CAPTIONS, [("dogs: two.wav", *said("dogs"))])
    (tmp_path / "clotho_captions_evaluation.csv").write_text(text)
    for name in ("dogs_two.wav", "dogs_ two.wav"):
        sound(tmp_path / "evaluation" / name)
    assert listing(tmp_path)[-1].reason is Reason.MISSING


def test_a_bad_row_costs_that_row_only(tmp_path, sound):
    imitate(tmp_path, sound)
    with (tmp_path / "clotho_captions_evaluation.csv").open("a") as file:
        file.write("../validation/x.wav,a,b,c,d,e\n/etc/passwd,a,b,c,d,e\nshort.wav,a\n")
        file.write("Radio Garble.wav,, ,,,\n,a,b,c,d,e\n")
    with (tmp_path / "clotho_metadata_evaluation.csv").open("a") as file:
        file.write("short\n")
    got = [one for one in listing(tmp_path) if one.key not in KEYS[:5]][1:]
    assert [(one.key, getattr(one, "reason", None)) for one in got] == [
        ("clotho_metadata_evaluation.csv:3", Reason.ROW),
        (KEYS[5], None),
        ("clotho_captions_evaluation.csv:3", Reason.PATH),
        ("clotho_captions_evaluation.csv:4", Reason.PATH),
        ("clotho_captions_evaluation.csv:5", Reason.ROW),
        (KEYS[5], Reason.CAPTION),
        ("clotho_captions_evaluation.csv:7", Reason.PATH),
    ]


def test_a_clip_without_metadata_is_listed_all_the_same(tmp_path, sound):
    imitate(tmp_path, sound)
    (tmp_path / "clotho_metadata_evaluation.csv").write_text(HEADER + "\n")
    assert listing(tmp_path)[-1] == clip(tmp_path, KEYS[5], "evaluation/Radio Garble.wav", "test")


@pytest.mark.parametrize(
    "name",
    [
        "clotho_captions_development.csv",
        "clotho_metadata_evaluation.csv",
        "clotho_captions_validation.csv",
        "clotho_metadata_validation.csv",
    ],
)
def test_a_list_that_is_not_there_is_told(tmp_path, sound, name):
    imitate(tmp_path, sound)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"holds no {name}, nor does its folder clotho_csv_files"):
        listing(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path, sound):
    imitate(tmp_path, sound)
    (tmp_path / "development").rename(tmp_path / "dev")
    with pytest.raises(InputError, match="holds no development, nor does its folder clotho_audio"):
        listing(tmp_path)
