import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.yaml_list import yaml_items
from auffusion.errors import InputError

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
VALUES = st.recursive(
    WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner), max_leaves=8
)


def written(folder, text):
    path = folder / "a.yaml"
    path.write_bytes(text.encode())
    return path


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(VALUES, max_size=5), flow=st.booleans())
def test_the_items_are_those_that_yaml_was_given(tmp_path, items, flow):
    text = yaml.dump(
        {"about": {"x": ["y"]}, "files": items, "zoo": "1"},
        default_flow_style=flow,
        allow_unicode=True,
        Dumper=_PlainDumper,
    )
    assert list(yaml_items(written(tmp_path, text), "files")) == items


class _PlainDumper(yaml.SafeDumper):
    def ignore_aliases(self, _data):
        return True


def test_tags_make_no_objects_and_aliases_nothing_large(tmp_path):
    text = "files:\n- !!python/object/apply:os.system ['exit 1']\n- &a [x]\n- *a\n- {<<: *a}\n"
    assert list(yaml_items(written(tmp_path, text), "files")) == [
        ["exit 1"],
        ["x"],
        None,
        {"<<": None},
    ]


@pytest.mark.parametrize(
    "text", ["", "files: 1", "- files", "other: [1]", "files:", "# files: [1]"]
)
def test_a_file_without_the_list_is_refused(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.yaml holds no list 'files': is it the published"):
        list(yaml_items(written(tmp_path, text), "files"))


@pytest.mark.parametrize(
    "tail", ["- [b", "- b: c: d", '- "b', "- @b", "- \x00", "- " + "[" * 30_000]
)
def test_a_damaged_file_gives_what_stands_before_and_then_one_sentence(tmp_path, tail):
    before = ["a", "z" * 20_000]
    got = []
    with pytest.raises(InputError, match=r"a\.yaml is damaged or no YAML \(.+\): fetch it again"):
        got.extend(yaml_items(written(tmp_path, f"files:\n- a\n- {'z' * 20_000}\n{tail}"), "files"))
    assert got[:2] == before[: len(got)]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*a\.yaml: No such file"):
        list(yaml_items(tmp_path / "a.yaml", "files"))
