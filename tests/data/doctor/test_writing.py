import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from auffusion.data.doctor import Checks, check, report_table, write_report
from auffusion.errors import InputError
from auffusion.executor.serial import SerialExecutor

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table><iframe src='http://evil.example'></iframe>",
    "<!-- <style>*{display:none}</style>",
    "&lt;script&gt;",
    "\u202egnp.exe\u202c",
    "a\x1b[31mred\x07",
]


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in {"meta", "path", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def report_of(sound_set, folder, **checks):
    with check(sound_set.path, SerialExecutor(), Checks(**checks)) as report:
        write_report(report, folder)
        return report


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def hostile_page(sound_set, tmp_path):
    for number, text in enumerate(HOSTILE):
        sound_set.list(f"{number}.wav", id=text, captions=[text], license=text, split="test")
        sound_set.list(f"../{text}", id=None, captions=[text])
    report_of(sound_set, tmp_path / "report")
    return (tmp_path / "report" / "report.html").read_text()


def test_hostile_captions_are_text_and_nothing_else(hostile_page):
    page = Page(hostile_page)
    assert page.open == []
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "link", "a", "form"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert {"<script>alert(1)</script>", "&lt;script&gt;"} <= set(page.texts)


def test_the_page_loads_nothing(hostile_page):
    page = Page(hostile_page)
    assert not [name for name, _ in page.attributes if name in {"src", "href", "srcset", "data"}]
    assert "url(" not in hostile_page
    assert "@import" not in hostile_page
    (policy,) = [value for _, value in page.attributes if value and value.startswith("default-src")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_neither_the_page_nor_the_table_holds_control_characters(sound_set, hostile_page):
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", hostile_page)
    with check(sound_set.path, SerialExecutor()) as report:
        assert all(letter.isprintable() or letter == "\n" for letter in report_table(report))


def test_every_row_is_in_one_of_the_two_lists_as_it_came(sound_set, real, tmp_path):
    good = sound_set.add("bell.wav", real["bell"], extra={"take": 3, "who": "Ä"}, odd=[1, None])
    warned = sound_set.add("crow.wav", real["crow"], license=None)
    bad = sound_set.list("gone.wav", captions=[""])
    sound_set.lines.append("[1, 2")
    good_too = sound_set.add("door.wav", real["door"])
    report_of(sound_set, tmp_path / "report")
    assert lines(tmp_path / "report" / "clean.jsonl") == [good, warned, good_too]
    rejects = lines(tmp_path / "report" / "rejects.jsonl")
    assert [one["row"] for one in rejects] == [bad, None]
    assert [[reason["fault"] for reason in one["reasons"]] for one in rejects] == [
        ["caption-empty", "missing"],
        ["row"],
    ]
    assert rejects[1]["place"] == "clips.jsonl:4"
    findings = lines(tmp_path / "report" / "findings.jsonl")
    assert [(one["id"], one["fault"], one["severity"]) for one in findings] == [
        ("crow", "license-unknown", "warning"),
        ("gone", "caption-empty", "error"),
        ("gone", "missing", "error"),
        ("", "row", "error"),
    ]


def test_the_clean_rows_are_clean(sound_set, real, found):
    for name, samples in real.items():
        sound_set.add(f"{name}.wav", samples)
        sound_set.add(f"{name}-again.wav", -samples)
    report_of(sound_set, sound_set.folder / "report")
    clean = sound_set.folder / "clean.jsonl"
    clean.write_bytes((sound_set.folder / "report" / "clean.jsonl").read_bytes())
    assert found(clean) == []
    assert len(clean.read_text().splitlines()) == len(real)


def test_the_report_for_machines_counts_what_was_found(sound_set, real, tmp_path):
    for number in range(12):
        sound_set.list(f"gone-{number}.wav", seconds=30.0, split="test")
    sound_set.add("bell.wav", real["bell"])
    report_of(sound_set, tmp_path / "report")
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (told["rows"], told["clean"], told["rejected"]) == (13, 1, 12)
    assert told["faults"]["missing"]["rows"] == 12
    assert len(told["faults"]["missing"]["examples"]) == 8
    assert [(one["name"], one["rows"], one["clean_rows"]) for one in told["splits"]] == [
        ("train", 1, 1),
        ("test", 12, 0),
    ]
    assert told["splits"][1]["hours"] == pytest.approx(0.1)
    assert sum(told["histograms"][0]["counts"]) == 1


def test_the_table_names_each_fault_once_with_its_first_place(sound_set, real):
    sound_set.add("bell.wav", real["bell"], license=None)
    sound_set.list("gone.wav")
    with check(sound_set.path, SerialExecutor()) as report:
        table = report_table(report)
    assert table.startswith("clips.jsonl: 2 rows, 1 clean, 1 rejected (50.00%), 1 with warnings")
    assert [line.split() for line in table.splitlines() if "clips.jsonl:" in line[5:]] == [
        ["missing", "error", "1", "clips.jsonl:2"],
        ["licence", "unknown", "warning", "1", "clips.jsonl:1"],
    ]


def test_a_licence_a_row_does_not_make_a_page_of_them(sound_set, tmp_path):
    for number in range(50):
        sound_set.list(f"{number}.wav", license=f"Licence {number}", seconds=3.6)
    report = report_of(sound_set, tmp_path / "report", sounds=False)
    assert [one.name for one in report.licenses][-1] == "30 others"
    assert sum(one.rows for one in report.licenses) == 50
    assert sum(one.hours for one in report.licenses) == pytest.approx(0.05)


def test_the_report_does_not_overwrite_the_list_it_is_of(sound_set, real):
    sound_set.add("bell.wav", real["bell"])
    clean = sound_set.folder / "clean.jsonl"
    clean.write_bytes(sound_set.path.read_bytes())
    with (
        check(clean, SerialExecutor()) as report,
        pytest.raises(InputError, match="would overwrite"),
    ):
        write_report(report, sound_set.folder)


def test_an_interrupted_report_leaves_no_file_half_written(sound_set, real, tmp_path, monkeypatch):
    sound_set.add("bell.wav", real["bell"])
    report_of(sound_set, tmp_path / "report")
    before = {path.name for path in (tmp_path / "report").iterdir()}
    sound_set.add("crow.wav", np.zeros(9_000, np.int16))

    def interrupted(_report):
        raise KeyboardInterrupt

    monkeypatch.setattr("auffusion.data.doctor.writing.report_page", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report_of(sound_set, tmp_path / "report")
    # The summary of the earlier check is gone: it speaks of other rows than the lists beside it.
    assert {path.name for path in (tmp_path / "report").iterdir()} == before - {"report.json"}
