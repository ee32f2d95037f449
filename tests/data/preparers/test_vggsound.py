from pathlib import Path

import pytest

from auffusion.data.listing import Listed, Reason, Reject, clip_key
from auffusion.data.preparers.vggsound import VGGSOUND
from auffusion.errors import InputError

# Lines of the published list, and some that are none.
TABLE = """\
---g-f_I2yQ,1,people marching,test
--0PQM4-hqg,30,waterfall burbling,train
--9O4XZOge4,30,"female speech, woman speaking",train
--Bu2xe4OSo,430,wind noise,train
-4B9Xf1b1yI,23,sheep bleating,train
-2jAdijiM14,0,playing bagpipes,train
-3cdulNqIhU,139,eletric blender running,test
-0jeONf82dE,21,horse neighing,test
-0jvUCuqxow,15,arc wielding,train
../../../ab,15,arc welding,train
-0kJ0SVWD7E,1.5,sheep bleating,train
-0legLrA6Ns,51,playing bass drum,dev
-0legLrA6Ns,51,playing bass drum
"""

# One name of each kind that downloaders give.
FILES = {
    "video/audio/---g-f_I2yQ_000001.wav": "roll",
    "--0PQM4-hqg_30000_40000.flac": "steam",
    "train/--9O4XZOge4_30.wav": "phone",
    "train/Y--Bu2xe4OSo_430_440.wav": "vinyl",
    "-4B9Xf1b1yI.mp3": "burp",
    "Y-2jAdijiM14.wav": "guitar",
    "-3cdulNqIhU_000139.wav": "printer",
    # Of another second of that video.
    "-0jeONf82dE_000022.wav": "bell",
}


def listed(youtube_id, start, label, phrase, source, split="train"):
    return Listed(
        key=clip_key(youtube_id, start),
        file=Path(source),
        source=source,
        captions=(phrase, f"the sound of {phrase}"),
        split=split,
        labels=(label,),
        origin=f"youtube:{youtube_id}",
        extra={"youtube_start_s": start},
    )


def row(line, fault="it has no YouTube id, start in whole seconds, or split"):
    place = f"vggsound.csv:{line}"
    detail = f"{place} was left out: {fault}"
    return Reject(key=place, source="", reason=Reason.ROW, detail=detail)


MARCH, FALL, SPEECH, WIND, SHEEP, PIPES, BLENDER, _ = FILES
LISTED = [
    listed("---g-f_I2yQ", 1, "people marching", "people marching", MARCH, "test"),
    listed("--0PQM4-hqg", 30, "waterfall burbling", "a waterfall rushing", FALL),
    listed("--9O4XZOge4", 30, "female speech, woman speaking", "a woman speaking", SPEECH),
    listed("--Bu2xe4OSo", 430, "wind noise", "the wind blowing", WIND),
    listed("-4B9Xf1b1yI", 23, "sheep bleating", "a sheep bleating", SHEEP),
    listed("-2jAdijiM14", 0, "playing bagpipes", "someone playing the bagpipes", PIPES),
    listed(
        "-3cdulNqIhU",
        139,
        "eletric blender running",
        "an electric blender running",
        BLENDER,
        "test",
    ),
    Reject(
        key=clip_key("-0jeONf82dE", 21),
        source="youtube:-0jeONf82dE",
        reason=Reason.MISSING,
        detail="youtube:-0jeONf82dE is not there: no sound is called -0jeONf82dE_000021, "
        "-0jeONf82dE or the like",
    ),
    Reject(
        key="vggsound.csv:9",
        source="youtube:-0jvUCuqxow",
        reason=Reason.CAPTION,
        detail="vggsound.csv:9 was left out: vggsound has no label 'arc wielding': expected one "
        "of the 309 in label_captions.toml",
    ),
    row(10),
    row(11),
    row(12),
    row(13, "it has 3 cells, expected 4"),
]

EXPECTED = tuple(one.key for one in LISTED if isinstance(one, Listed))
"""The keys of the clips that are there, in order."""


def imitate(folder, sound):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vggsound.csv").write_text(TABLE, encoding="utf-8")
    for number, (path, name) in enumerate(FILES.items()):
        sound(folder / path, name, seconds=10.0, rate=(16_000, 44_100)[number % 2])


def test_the_listing_finds_what_each_downloader_leaves(tmp_path, sound, listing_of):
    imitate(tmp_path, sound)
    assert listing_of(VGGSOUND, tmp_path) == LISTED


def test_keys_differ_where_ids_differ_in_dashes_only():
    assert clip_key("---g-f_I2yQ", 1) != clip_key("--g-f_I2yQ-", 1)


def test_another_folder_is_refused(tmp_path, listing_of):
    expected = r"holds no vggsound\.csv and no data/vggsound\.csv; expected there: vggsound\.csv"
    with pytest.raises(InputError, match=expected):
        listing_of(VGGSOUND, tmp_path)
