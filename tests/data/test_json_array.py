import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.json_array import LONGEST_ITEM, json_items, json_objects
from auffusion.data.listing import Reason, Reject
from auffusion.errors import InputError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


def written(folder, text):
    path = folder / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    items=st.lists(VALUES, max_size=8),
    before=st.dictionaries(st.text(max_size=4).filter(lambda name: name != "data"), VALUES),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    block=st.integers(1, 40),
)
def test_the_items_are_those_of_the_json_module_whatever_the_blocks(
    tmp_path, items, before, indent, ascii_only, block
):
    text = json.dumps(before | {"data": items, "after": 1}, indent=indent, ensure_ascii=ascii_only)
    assert list(json_items(written(tmp_path, text), "data", block=block)) == items


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(VALUES, max_size=4), data=st.data())
def test_a_file_cut_anywhere_gives_its_whole_items_and_then_one_sentence(tmp_path, items, data):
    whole = json.dumps({"n": 1, "data": items})
    cut = data.draw(st.integers(0, len(whole) - 2))
    got = []
    with pytest.raises(InputError, match=r"a\.json is damaged or breaks off at letter \d+"):
        got.extend(json_items(written(tmp_path, whole[:cut]), "data", block=7))
    assert got == items[: len(got)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"other": [1]}',
        '{"data": {"a": 1}}',
        '{"data": [1 2]}',
        '{"data": [1,]}',
        '{"data": [,1]}',
        '{"data": [tru]}',
        "[" * 100_000,
        '{"data": [' + "[" * 100_000,
    ],
)
def test_what_is_no_such_array_is_refused(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.json is damaged or breaks off at letter \d+"):
        list(json_items(written(tmp_path, text), "data"))
    with pytest.raises(InputError, match=r"cannot read .*none\.json: No such file"):
        list(json_items(tmp_path / "none.json", "data"))


def test_the_place_of_the_damage_is_told(tmp_path):
    text = '{"data": [1, 22, x]}'
    with pytest.raises(InputError, match=f"at letter {text.index('x')}, where a value"):
        list(json_items(written(tmp_path, text), "data", block=3))


def test_an_item_may_be_long_but_not_endless(tmp_path):
    long = "x" * (LONGEST_ITEM - 10)
    assert list(json_items(written(tmp_path, f'{{"data": ["{long}"]}}'), "data")) == [long]
    endless = '{"data": ["' + "x" * (3 * LONGEST_ITEM)
    with pytest.raises(InputError, match="at letter 10, where a value was expected"):
        list(json_items(written(tmp_path, endless), "data"))


def test_a_long_file_needs_no_memory_of_its_length(tmp_path):
    item = json.dumps({"id": "1", "caption": "rain " * 50})
    path = written(tmp_path, '{"data": [' + ", ".join([item] * 20_000) + "]}")
    assert path.stat().st_size > 5_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_items(path, "data")) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_items_that_are_no_objects_or_no_text_are_rejects_and_the_others_come(tmp_path):
    good, bad = rb'{"a": 1}', rb'7, {"b": "\ud800"}, {"c": "\u0000"}, {"d": "caf' + b'\xe9"}'
    text = b'{"data": [' + good + b"," + bad + rb', {"e": "\\u0000"}]}'
    got = list(json_objects(written(tmp_path, text), "data"))
    assert [one for one in got if not isinstance(one, Reject)] == [
        ("a.json:1", {"a": 1}),
        ("a.json:6", {"e": "\\u0000"}),
    ]
    assert {(one.key, one.reason, one.detail) for one in got if isinstance(one, Reject)} == {
        ("a.json:2", Reason.ROW, "a.json:2 was left out: it is no JSON object"),
        ("a.json:3", Reason.ROW, "a.json:3 was left out: it is not UTF-8 text"),
        ("a.json:4", Reason.ROW, "a.json:4 was left out: it holds a NUL"),
        ("a.json:5", Reason.ROW, "a.json:5 was left out: it is not UTF-8 text"),
    }
