import contextlib
import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.clips import Clip, clip_row
from auffusion.data.doctor import Checks, check, report_table, write_report
from auffusion.data.doctor.manifest import Manifest, read_row
from auffusion.data.listing import Reject
from auffusion.errors import InputError
from auffusion.executor.serial import SerialExecutor

fuzzed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_row_of_ours_is_read_as_it_was_written():
    clip = Clip(
        id="esc50-1",
        dataset="esc50",
        path="shards/train-00000.tar",
        captions=("rain", "rain falls"),
        split="validation",
        seconds=5.0,
        offset=512,
        size=1_000,
        sha256="0" * 64,
        labels=("rain",),
        source="audio/1.wav",
        origin="freesound:1",
        license="CC-BY-3.0",
    )
    row = read_row("m:1", json.loads(json.dumps(clip_row(clip))))
    for name in ("id", "path", "captions", "split", "seconds", "offset", "size", "sha256"):
        assert getattr(row, name) == getattr(clip, name)
    assert (row.labels, row.origin, row.license) == (clip.labels, clip.origin, clip.license)
    assert row.source == "esc50/audio/1.wav"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"path": ""},
        {"path": ["a.wav"]},
        {"path": "a.wav", "captions": [1]},
        {"path": "a.wav", "caption": {"en": "rain"}},
        {"path": "a.wav", "split": "fold3"},
        {"path": "a.wav", "seconds": "long"},
        {"path": "a.wav", "seconds": -1},
        {"path": "a.wav", "seconds": float("inf")},
        {"path": "a.wav", "sha256": "abc"},
        {"path": "a.wav", "id": ["1"]},
        {"path": "a.wav", "id": "x" * 1_001},
        {"path": "a.tar", "offset": 5},
        {"path": "a.tar", "offset": -1, "size": 5},
        {"path": "a.tar", "offset": True, "size": 5},
        {"path": "a.tar", "offset": 1 << 70, "size": 5},
    ],
)
def test_values_of_the_wrong_kind_make_a_row_unreadable(values):
    assert isinstance(read_row("m:1", values), Reject)


@pytest.mark.parametrize(
    ("values", "name", "told"),
    [
        ({"file_name": "a.wav"}, "path", "a.wav"),
        ({"path": "a.wav", "caption_1": "x", "caption_2": "y"}, "captions", ("x", "y")),
        ({"path": "a.wav", "captions": '["x", "y"]'}, "captions", ("x", "y")),
        ({"path": "a.wav", "caption": "[x]"}, "captions", ("[x]",)),
        ({"path": "a.wav", "split": "Val"}, "split", "validation"),
        ({"path": "a.wav", "duration": "2.5"}, "seconds", 2.5),
        ({"path": "a.wav", "license": "https://creativecommons.org/licenses/by-nc/4.0/"},
         "license", "CC-BY-NC-4.0"),
        ({"path": "a.wav", "license": "other", "license_url":
          "https://creativecommons.org/publicdomain/zero/1.0/"}, "license", "CC0-1.0"),
        ({"path": "a.wav", "youtube_id": "rqu8iB22I_Y"}, "origin", "youtube:rqu8iB22I_Y"),
        ({"path": "a.wav", "freesound_id": 12}, "origin", "freesound:12"),
        ({"path": "a.wav", "offset": "7", "size": "9"}, "offset", 7),
    ],
)  # fmt: skip
def test_the_names_that_people_use_are_understood(values, name, told):
    assert getattr(read_row("m:1", values), name) == told


def test_a_folder_that_is_not_prepared_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no finished data set"):
        Manifest(tmp_path)


def test_no_manifest_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no manifest"):
        Manifest(tmp_path / "gone.jsonl")


ROW = json.dumps({"path": "a.wav", "caption": "rain", "license": "MIT", "seconds": 2}).encode()
MANGLED = st.lists(
    st.one_of(
        st.binary(max_size=80),
        st.just(ROW),
        st.builds(lambda cut: ROW[:cut], st.integers(0, len(ROW))),
        st.sampled_from([b"[" * 5_000, b"null", b"\xff\xfe", b'"', b"{", b"\xef\xbb\xbf", b"\0"]),
        st.builds(
            lambda value: json.dumps({"path": value, "captions": value, "seconds": value}).encode(),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
                ),
                max_leaves=5,
            ),
        ),
    ),
    max_size=12,
).map(b"\n".join)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "txt"])
@given(content=MANGLED)
@fuzzed
def test_whatever_the_bytes_are_every_row_is_accounted_for_or_the_file_refused(
    tmp_path, suffix, content
):
    path = tmp_path / f"m.{suffix}"
    path.write_bytes(b"path,caption\n" + content if suffix == "csv" else content)
    try:
        with check(path, SerialExecutor(), Checks(sounds=False)) as report:
            write_report(report, tmp_path / "report")
            report_table(report)
            counts = {
                name: (tmp_path / "report" / f"{name}.jsonl").read_bytes().count(b"\n")
                for name in ("clean", "rejects")
            }
            assert counts == {"clean": report.rows - report.rejected, "rejects": report.rejected}
    except InputError:
        pass


@pytest.mark.parametrize("suffix", ["json", "csv", "txt", "jsonl"])
@given(content=st.one_of(MANGLED, st.binary(max_size=200)))
@fuzzed
def test_whatever_the_bytes_of_a_list_to_hold_against_are(tmp_path, suffix, content):
    (tmp_path / "m.jsonl").write_bytes(ROW)
    path = tmp_path / f"ids.{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        check(tmp_path / "m.jsonl", SerialExecutor(), Checks(sounds=False, against=(path,))).close()


MEASURE = """
import json, resource, sys
from pathlib import Path
from auffusion.data.doctor import Checks, check, report_table, write_report
from auffusion.executor.serial import SerialExecutor

folder, rows = Path(sys.argv[1]), int(sys.argv[2])
with (folder / "m.jsonl").open("w") as file:
    for n in range(rows):
        row = {"id": f"clip-{n}", "path": f"sounds/{n // 1000}/dog-{n}.wav", "split": "train",
               "captions": [f"a dog number {n} barks"], "origin": f"freesound:{n}", "seconds": 5}
        file.write(json.dumps(row) + "\\n")
with check(folder / "m.jsonl", SerialExecutor(), Checks(sounds=False)) as report:
    write_report(report, folder / "report")
    assert report.rows == rows and report.rejected == 0
    report_table(report)
clean = sum(1 for _ in (folder / "report" / "clean.jsonl").open())
assert clean == rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def megabytes(tmp_path, rows):
    folder = tmp_path / str(rows)
    folder.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(MEASURE), str(folder), str(rows)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def test_ten_times_the_rows_need_no_more_memory_than_the_cache(tmp_path):
    # sqlite's cache takes up to 16 MB, and as much to sort.
    assert megabytes(tmp_path, 20_000) - megabytes(tmp_path, 2_000) < 36


@pytest.mark.slow
def test_a_million_rows_need_no_more_memory_than_a_hundred_thousand(tmp_path):
    assert megabytes(tmp_path, 1_000_000) - megabytes(tmp_path, 100_000) < 20
