"""Published lists of captions, in the three forms in which they are published."""

import pytest
from small_tables import listed_video, rows_of, write_list

from auffusion.errors import InputError
from auffusion.recipes.tables.published_list import PUBLISHED_LISTS, read_published_list


@pytest.mark.parametrize("name", list(PUBLISHED_LISTS))
def test_a_list_is_read_in_its_own_form(name, tmp_path):
    found = read_published_list(name, write_list(tmp_path / "list.json", name, rows_of(name)))
    assert len(found) == PUBLISHED_LISTS[name].clips
    assert listed_video(5) in found[5].ids
    assert found[5].caption == "sound 5"
    assert found[5].start_s == (None if name == "audioldm-964" else 30)


@pytest.mark.parametrize(
    ("stem", "ids", "start_s"),
    [
        ("b0RFKhbpFJA_30", ("b0RFKhbpFJA",), 30),
        ("Yb0RFKhbpFJA", ("b0RFKhbpFJA",), None),
        ("Yb0RFKhbpFJA_30", ("b0RFKhbpFJA",), 30),
        ("b0RFKhbpFJA_30000_40000", ("b0RFKhbpFJA",), 30_000),
        ("YQSuFyFm3Lc_230", ("YQSuFyFm3Lc",), 230),
        ("YYQSuFyFm3Lc", ("YQSuFyFm3Lc",), None),
        ("-5weqk40ja__0", ("-5weqk40ja_",), 0),
    ],
)
def test_a_video_is_found_in_every_name_of_a_sound(stem, ids, start_s, tmp_path):
    rows = rows_of("tango-886")
    rows[0] = (stem, rows[0][1])
    found = read_published_list("tango-886", write_list(tmp_path / "list.json", "tango-886", rows))[
        0
    ]
    assert (found.stem, found.ids, found.start_s) == (stem, ids, start_s)


def test_another_list_is_refused(tmp_path):
    rows = rows_of("auffusion-761")
    for wrong in (rows[:-1], [(stem, f"sound {n}") for n, (stem, _) in enumerate(rows)]):
        path = write_list(tmp_path / "list.json", "auffusion-761", wrong)
        with pytest.raises(InputError, match="is not the list auffusion-761: it has"):
            read_published_list("auffusion-761", path)


def test_what_is_no_list_is_refused(tmp_path):
    path = tmp_path / "list.json"
    for text, said in (
        ("no json\n", "cannot be read as a list"),
        ("3\n", "holds a row that is no JSON object"),
        ("{\n}\n", "holds no list"),
        ('{"location": "a.wav"}\n', "row 1 lacks location or captions"),
        ('{"location": "a.wav", "captions": "rain"}\n', "names the sound 'a'"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_published_list("tango-886", path)
    with pytest.raises(InputError, match="the list tango-886 is not here: put test_audiocaps_sub"):
        read_published_list("tango-886", tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="there is no list 'mine'"):
        read_published_list("mine", path)
