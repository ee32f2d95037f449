import json
from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.fsd50k import FSD50K
from auffusion.errors import InputError

DEV = """\
fname,labels,mids,split
64760,"Electric_guitar,Guitar,Plucked_string_instrument,Musical_instrument,Music","/m/02sgy,/m/0342h,/m/0fx80y,/m/04szw,/m/04rlf",train
16399,"Bark,Dog,Domestic_animals_and_pets,Animal,Wind","/m/05tny_,/m/0bt9lr,/m/068hy,/m/0jbk,/m/03m9d0z",val
21914,"Knock,Door,Domestic_sounds_and_home_sounds","/m/07r4wb8,/m/02dgv,/t/dd00071",train
21915,Yodelling,/m/01swy6,train
21916,,,train
21917,"Rain,Water","/m/06mb1,/m/0838f",test2
door.wav,"Rain,Water","/m/06mb1,/m/0838f",train
21918,"Rain,Water"
"""

EVAL = """\
fname,labels,mids
37199,"Crow,Bird,Wild_animals,Animal,Vehicle","/m/04s8yn,/m/015p6,/m/01280g,/m/0jbk,/m/07yv9"
175151,"Walk_and_footsteps","/m/07pbtc8"
"""

LICENSES = "http://creativecommons.org/licenses/"
DEV_INFO = {
    "64760": {
        "title": 'guitar "riff" - über.wav',
        "description": "A riff,\nplayed {once} [\\]",
        "tags": ["electric", "guitar"],
        "license": f"{LICENSES}by/3.0/",
        "uploader": "casualsamples",
    },
    "16399": {
        "title": "",
        "description": "",
        "tags": [],
        "license": f"{LICENSES}sampling+/1.0/",
        "uploader": "inchadney",
    },
}
EVAL_INFO = {
    "37199": {
        "title": "Crow \ud800",
        "description": None,
        "tags": [],
        "license": "http://creativecommons.org/publicdomain/zero/1.0/",
        "uploader": "juskiddink",
    },
}


def listed(source, captions, split, labels, **rest):
    number = Path(source).stem
    return Listed(
        key=number,
        file=Path(source),
        source=source,
        captions=captions,
        split=split,
        labels=tuple(labels.split()),
        origin=f"freesound:{number}",
        **rest,
    )


def left_out(line, reason, fault, source=""):
    place = f"dev.csv:{line}"
    return Reject(key=place, source=source, reason=reason, detail=f"{place} was left out: {fault}")


NO_NUMBER = "it has no number of Freesound or no split"
DEV_LISTED = [
    listed(
        "FSD50K.dev_audio/64760.wav",
        ("an electric guitar playing", "the sound of an electric guitar playing"),
        "train",
        "Electric_guitar Guitar Plucked_string_instrument Musical_instrument Music",
        license="CC-BY-3.0",
        license_url=f"{LICENSES}by/3.0/",
        author="casualsamples",
        extra={"title": 'guitar "riff" - über.wav'},
    ),
    listed(
        "FSD50K.dev_audio/16399.wav",
        ("a dog barking and the wind blowing", "the sound of a dog barking and the wind blowing"),
        "validation",
        "Bark Wind Dog Domestic_animals_and_pets Animal",
        license="LicenseRef-CC-Sampling-Plus-1.0",
        license_url=f"{LICENSES}sampling+/1.0/",
        author="inchadney",
    ),
    Reject(
        key="21914",
        source="FSD50K.dev_audio/21914.wav",
        reason=Reason.MISSING,
        detail="FSD50K.dev_audio/21914.wav is not there: dev.csv:4 lists it",
    ),
    left_out(
        5,
        Reason.CAPTION,
        "fsd50k has no label 'Yodelling': expected one of the 200 in label_captions.toml",
        "FSD50K.dev_audio/21915.wav",
    ),
    left_out(
        6,
        Reason.CAPTION,
        "a clip of fsd50k has no label, expected one or more",
        "FSD50K.dev_audio/21916.wav",
    ),
    left_out(7, Reason.ROW, NO_NUMBER),
    left_out(8, Reason.ROW, NO_NUMBER),
    left_out(9, Reason.ROW, "it has 2 cells, expected 4"),
]
EVAL_LISTED = [
    listed(
        "FSD50K.eval_audio/37199.wav",
        ("a crow cawing and a vehicle moving", "the sound of a crow cawing and a vehicle moving"),
        "test",
        "Crow Vehicle Bird Wild_animals Animal",
        license="CC0-1.0",
        license_url="http://creativecommons.org/publicdomain/zero/1.0/",
        author="juskiddink",
    ),
    # Nothing is told of its uploader.
    listed(
        "FSD50K.eval_audio/175151.wav",
        ("footsteps", "the sound of footsteps"),
        "test",
        "Walk_and_footsteps",
    ),
]

EXPECTED = ("64760", "16399", "37199", "175151")
"""The keys of the clips that are there, in order."""


def imitate(folder, sound):
    for name in ("ground_truth", "metadata", "doc"):
        (folder / f"FSD50K.{name}").mkdir(parents=True)
    for name, table, info in [("dev", DEV, DEV_INFO), ("eval", EVAL, EVAL_INFO)]:
        (folder / f"FSD50K.ground_truth/{name}.csv").write_text(table, encoding="utf-8")
        path = folder / f"FSD50K.metadata/{name}_clips_info_FSD50K.json"
        path.write_text(json.dumps(info), encoding="utf-8")
    sound(folder / "FSD50K.dev_audio/64760.wav", "guitar", seconds=3.1, rate=44_100)
    sound(folder / "FSD50K.dev_audio/16399.wav", "crow", seconds=30.0, rate=44_100)
    sound(folder / "FSD50K.eval_audio/37199.wav", "crow", rate=44_100)
    sound(folder / "FSD50K.eval_audio/175151.wav", "till", seconds=1.5, rate=44_100)


def test_the_listing_is_what_the_published_files_say(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    assert listing_of(FSD50K, tmp_path) == DEV_LISTED + EVAL_LISTED


def test_the_copy_at_hugging_face_is_read(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    (tmp_path / "clips").mkdir()
    for name in ("dev", "eval"):
        (tmp_path / f"FSD50K.{name}_audio").rename(tmp_path / "clips" / name)
    (tmp_path / "FSD50K.ground_truth").rename(tmp_path / "labels")
    (tmp_path / "FSD50K.metadata").rename(tmp_path / "metadata")
    clips = [one for one in listing_of(FSD50K, tmp_path) if isinstance(one, Listed)]
    assert tuple(clip.key for clip in clips) == EXPECTED
    assert clips[0].source == "clips/dev/64760.wav"
    assert clips[0].license == "CC-BY-3.0"


@pytest.mark.parametrize(
    "absent",
    [
        "FSD50K.ground_truth/eval.csv",
        "FSD50K.metadata/dev_clips_info_FSD50K.json",
        "FSD50K.eval_audio",
    ],
)
def test_a_folder_without_one_of_the_parts_is_refused(tmp_path, sound, listing_of, absent):
    imitate(tmp_path / "whole", sound)
    (tmp_path / "whole" / absent).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"holds no {absent} and no .*; expected there: FSD50K"):
        listing_of(FSD50K, tmp_path / "whole")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"64760": {"license"', "is damaged"),
        ("\udcff", "is damaged"),
        ("[1]", "describes no clips"),
        ('{"license": "by", "uploader": "all"}', "describes no clips"),
    ],
)
def test_damaged_information_on_clips_is_refused(tmp_path, sound, listing_of, content, fault):
    imitate(tmp_path, sound)
    path = tmp_path / "FSD50K.metadata/dev_clips_info_FSD50K.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=rf"dev_clips_info_FSD50K\.json {fault}"):
        listing_of(FSD50K, tmp_path)


def test_entries_that_are_no_objects_tell_nothing(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    path = tmp_path / "FSD50K.metadata/dev_clips_info_FSD50K.json"
    path.write_text('{"64760": 3, "16399": {"license": 4, "uploader": null}}', encoding="utf-8")
    clips = [one for one in listing_of(FSD50K, tmp_path) if isinstance(one, Listed)]
    assert [clip.license for clip in clips[:2]] == ["unknown", "unknown"]
    assert [clip.author for clip in clips[:2]] == ["", ""]
