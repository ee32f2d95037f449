import json

import pytest

from auffusion.data.listing import Listed, Reason, Reject
from auffusion.data.preparers.wavcaps import (
    WAVCAPS_AUDIOSET_SL,
    WAVCAPS_BBC,
    WAVCAPS_FREESOUND,
    WAVCAPS_SOUNDBIBLE,
)
from auffusion.errors import InputError

UNZIPPED = "mnt/fast/nobackup/scratch4weeks/xm00178/WavCaps/data/waveforms"
LISTS = {
    "AudioSet_SL": "as_final.json",
    "BBC_Sound_Effects": "bbc_final.json",
    "FreeSound": "fsd_final.json",
    "SoundBible": "sb_final.json",
}
ITEMS = {
    "AudioSet_SL": [
        {"id": f"Y{youtube_id}.wav", "caption": caption, "audio": "wav_path", "duration": 10.0}
        for youtube_id, caption in (
            ("b0RFKhbpFJA", "Wind and a man speaking are heard, accompanied by buzzing."),
            ("7fmOlUlwoNg", "Something rattles."),
            ("-zGoneVideo", "A dog barks."),
        )
    ],
    "BBC_Sound_Effects": [
        {
            "description": "Greengrocer Cicada (Cyclochila Virens) - close-up stridulation.",
            "category": "['Nature', 'Animals']",
            "caption": "A bug is stridulating. A dog is barking in the distance.",
            "id": "NHU05051026",
            "duration": 88.84353125,
            "audio": "wav_path",
            "download_link": "https://sound-effects-media.bbcrewind.co.uk/zip/NHU05051026.wav.zip",
        }
    ],
    "FreeSound": [
        {
            "id": number,
            "file_name": f"{name}.wav",
            "href": f"/people/Tempouser/sounds/{number}/",
            "tags": tags,
            "description": f"Söme {name}.",
            "author": "Tempouser",
            "duration": 3.204375,
            "download_link": f"https://freesound.org/people/Tempouser/sounds/{number}/download/",
            "caption": caption,
            "audio": "wav_path",
        }
        for number, name, tags, caption in (
            ("180913", "UK Mello", ["Standard", "ringtone"], "A traditional ringtone is playing."),
            ("117790", "Distorted AM Radio noise", [], "A radio hisses."),
            ("2219", "Missing in the zip", ["void"], "Nothing is heard."),
            ("185374", "Kick", ["kick"], "A drum is hit."),
        )
    ],
    "SoundBible": [
        {
            "title": "Airplane Landing Airport",
            "description": "Large commercial airplane landing at an airport runway.",
            "author": "Daniel Simion",
            "href": "2219-Airplane-Landing-Airport.html",
            "caption": "An airplane is landing.",
            "id": "2219",
            "duration": 14.1424375,
            "audio": "wav_path",
            "download_link": "http://soundbible.com/grab.php?id=2219&type=wav",
        }
    ],
}
BLACKLISTS = {
    "test_ac": {"AudioSet": ["Y7fmOlUlwoNg.wav"], "FreeSound": ["117790", "Not found"]},
    "all_ac": {"AudioSet": ["Y7fmOlUlwoNg.wav"], "FreeSound": ["117790", "Not found"]},
    "ub8k_esc50_vggsound": {"AudioSet": ["Yb0RFKhbpFJA.wav"], "FreeSound": ["185374"]},
}
KEYS = {
    "wavcaps-audioset-sl": ["Yb0RFKhbpFJA", "Y7fmOlUlwoNg"],
    "wavcaps-bbc": ["NHU05051026"],
    "wavcaps-freesound": ["180913", "117790", "185374"],
    "wavcaps-soundbible": ["2219"],
}


def write_items(folder, source, items):
    path = folder / "json_files" / source / LISTS[source]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"num_captions_per_audio": 1, "data": items}))


def imitate(folder, sound):
    """All four sources, unzipped where they stand or moved, as people do."""
    for source, items in ITEMS.items():
        write_items(folder, source, items)
    for name, lists in BLACKLISTS.items():
        path = folder / f"json_files/blacklist/blacklist_exclude_{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(lists, indent=4))
    zipped = folder / "Zip_files/AudioSet_SL"
    for name, youtube_id in (("crow", "b0RFKhbpFJA"), ("door", "7fmOlUlwoNg")):
        sound(zipped / UNZIPPED / f"AudioSet_SL_flac/Y{youtube_id}.flac", name, 10, 32_000)
    sound(folder / UNZIPPED / "BBC_Sound_Effects_flac/NHU05051026.flac", "steam", 88.8, 32_000)
    for name, number in (("phone", "180913"), ("vinyl", "117790"), ("drums", "185374")):
        sound(folder / UNZIPPED / f"FreeSound_flac/{number}.flac", name, 3.2, 32_000)
    sound(folder / "Audio/SoundBible/2219.flac", "roll", 14.1, 32_000)
    # SoundBible's zip holds more than its list names.
    sound(folder / "Audio/SoundBible/1.flac", "bell", 2, 32_000)


def listing(folder, data_set):
    return list(data_set.read(folder, folder / "work"))


def clip(folder, file, item, **more):
    return Listed(
        key=file.rsplit("/", 1)[1].removesuffix(".flac"),
        file=folder / file,
        source=file,
        captions=(item["caption"],),
        **more,
    )


def test_audioset_s_clips_keep_their_videos_and_those_of_test_lists_are_not_trained_on(
    tmp_path, sound
):
    imitate(tmp_path, sound)
    folder = f"Zip_files/AudioSet_SL/{UNZIPPED}/AudioSet_SL_flac"
    items = ITEMS["AudioSet_SL"]
    assert listing(tmp_path, WAVCAPS_AUDIOSET_SL) == [
        clip(
            tmp_path,
            f"{folder}/Yb0RFKhbpFJA.flac",
            items[0],
            split="train",
            origin="youtube:b0RFKhbpFJA",
            extra={"blacklists": "ub8k_esc50_vggsound"},
        ),
        clip(
            tmp_path,
            f"{folder}/Y7fmOlUlwoNg.flac",
            items[1],
            split="test",
            origin="youtube:7fmOlUlwoNg",
            extra={"blacklists": "test_ac all_ac"},
        ),
        Reject(
            key="Y-zGoneVideo",
            source=f"{folder}/Y-zGoneVideo.flac",
            reason=Reason.MISSING,
            detail=f"{folder}/Y-zGoneVideo.flac is not there: the published zips are not whole",
        ),
    ]


def test_bbc_s_categories_are_labels(tmp_path, sound):
    imitate(tmp_path, sound)
    assert listing(tmp_path, WAVCAPS_BBC) == [
        clip(
            tmp_path,
            f"{UNZIPPED}/BBC_Sound_Effects_flac/NHU05051026.flac",
            ITEMS["BBC_Sound_Effects"][0],
            split="train",
            labels=("Nature", "Animals"),
            license="LicenseRef-RemArc",
            license_url="https://sound-effects.bbcrewind.co.uk/licensing",
            author="BBC",
        )
    ]


def test_freesound_s_short_zip_gives_rejects_and_its_blacklisted_clips_are_marked(tmp_path, sound):
    imitate(tmp_path, sound)
    folder = f"{UNZIPPED}/FreeSound_flac"
    marks = [("train", {}), ("test", {"blacklists": "test_ac all_ac"}), None]
    marks += [("train", {"blacklists": "ub8k_esc50_vggsound"})]
    want = [
        clip(
            tmp_path,
            f"{folder}/{item['id']}.flac",
            item,
            split=mark[0],
            origin=f"freesound:{item['id']}",
            license_url=f"https://freesound.org/people/Tempouser/sounds/{item['id']}/",
            author="Tempouser",
            extra={"file_name": item["file_name"]}
            | ({"tags": "; ".join(item["tags"])} if item["tags"] else {})
            | mark[1],
        )
        for item, mark in zip(ITEMS["FreeSound"], marks, strict=True)
        if mark is not None
    ]
    gone = Reject(
        key="2219",
        source=f"{folder}/2219.flac",
        reason=Reason.MISSING,
        detail=f"{folder}/2219.flac is not there: the published zips are not whole",
    )
    assert listing(tmp_path, WAVCAPS_FREESOUND) == [*want[:2], gone, want[2]]


def test_soundbible_s_number_is_not_freesound_s_and_it_needs_no_blacklist(tmp_path, sound):
    imitate(tmp_path, sound)
    for path in (tmp_path / "json_files/blacklist").iterdir():
        path.unlink()
    assert listing(tmp_path, WAVCAPS_SOUNDBIBLE) == [
        clip(
            tmp_path,
            "Audio/SoundBible/2219.flac",
            ITEMS["SoundBible"][0],
            split="train",
            license_url="http://soundbible.com/2219-Airplane-Landing-Airport.html",
            author="Daniel Simion",
            extra={"title": "Airplane Landing Airport"},
        )
    ]


def test_a_bad_item_costs_that_item_only(tmp_path, sound):
    imitate(tmp_path, sound)
    good = ITEMS["SoundBible"][0]
    bad = [
        7,
        {"caption": "rain"},
        good | {"id": "../../etc/passwd"},
        good | {"id": "http://x/1"},
        good | {"id": "3", "caption": "  "},
        good | {"id": "3", "caption": None},
        good | {"author": "\ud800"},
    ]
    write_items(tmp_path, "SoundBible", [*bad, good | {"href": "http://evil/x.html"}])
    *rejects, last = listing(tmp_path, WAVCAPS_SOUNDBIBLE)
    assert [(one.key, one.reason) for one in rejects] == [
        ("sb_final.json:1", Reason.ROW),
        ("sb_final.json:2", Reason.ROW),
        ("sb_final.json:3", Reason.ROW),
        ("sb_final.json:4", Reason.ROW),
        ("3", Reason.CAPTION),
        ("3", Reason.CAPTION),
        ("sb_final.json:7", Reason.ROW),
    ]
    assert (last.key, last.license_url) == ("2219", "")


def test_a_sound_that_is_a_link_out_of_the_folder_is_not_followed(tmp_path, sound):
    home = tmp_path / "set"
    imitate(home, sound)
    inner, outer = home / "Audio/SoundBible/2219.flac", tmp_path / "secret.flac"
    inner.rename(outer)
    inner.symlink_to(outer)
    assert [one.reason for one in listing(home, WAVCAPS_SOUNDBIBLE)] == [Reason.MISSING]


@pytest.mark.parametrize(
    ("data_set", "gone", "told"),
    [
        (WAVCAPS_BBC, "json_files/BBC_Sound_Effects/bbc_final.json", r"holds no json_files/BBC_"),
        (
            WAVCAPS_FREESOUND,
            "json_files/blacklist/blacklist_exclude_test_ac.json",
            r"blacklist_exclude_test_ac\.json: No such file .* or test clips would be trained on",
        ),
    ],
)
def test_a_list_that_is_not_there_is_told(tmp_path, sound, data_set, gone, told):
    imitate(tmp_path, sound)
    (tmp_path / gone).unlink()
    with pytest.raises(InputError, match=told):
        listing(tmp_path, data_set)


@pytest.mark.parametrize("text", ["", "[]", '{"AudioSet": []}', '{"FreeSound": 7}', "[" * 99_999])
def test_a_blacklist_that_is_none_is_told(tmp_path, sound, text):
    imitate(tmp_path, sound)
    (tmp_path / "json_files/blacklist/blacklist_exclude_all_ac.json").write_text(text)
    with pytest.raises(InputError, match=r"all_ac\.json holds no list 'FreeSound' of ids"):
        listing(tmp_path, WAVCAPS_FREESOUND)


def test_sounds_that_were_not_unpacked_are_told(tmp_path, sound):
    imitate(tmp_path, sound)
    (tmp_path / "Audio/SoundBible").rename(tmp_path / "Audio/else")
    with pytest.raises(InputError, match="holds no folder SoundBible_flac: unpack the sounds of"):
        listing(tmp_path, WAVCAPS_SOUNDBIBLE)


def test_a_list_that_breaks_off_is_told_after_what_it_still_holds(tmp_path, sound):
    imitate(tmp_path, sound)
    path = tmp_path / "json_files/FreeSound/fsd_final.json"
    path.write_bytes(path.read_bytes()[:-40])
    clips = WAVCAPS_FREESOUND.read(tmp_path, tmp_path)
    assert [next(clips).key for _ in range(3)] == ["180913", "117790", "2219"]
    with pytest.raises(InputError, match=r"fsd_final\.json is damaged or breaks off at letter"):
        next(clips)
