import csv
import io
import json
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.listing import Reason, Reject
from auffusion.data.tables import LONGEST_LINE, MOST_LINES, csv_rows, json_rows
from auffusion.errors import InputError

COLUMNS = ["file", "caption"]
HEADER = b"file,caption\n"
any_file = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# A line, and what is told of it; None where it is a row.
LINES = {
    b"1.wav,rain\n": None,
    b'"2.wav","rain, then ""wind"""\r\n': None,
    b"3.wav,caf\xe9\n": "not valid utf-8",
    b"4.wav,a\0b\n": "NUL",
    b"5.wav\n": "1 cells, expected 2",
    b"6.wav,rain,wind\n": "3 cells, expected 2",
    b'7.wav,"rain\n': "not closed",
    b'8.wav,"rain" and "wind"\n': "not CSV",
    b"9.wav,rain\rwind\n": "not CSV",
    b"10.wav," + b"x" * LONGEST_LINE + b"\n": "longer than",
}


def write(tmp_path, content, name="list.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def split(found):
    """The rows and the rejects."""
    found = list(found)
    rows = [one for one in found if not isinstance(one, Reject)]
    rejects = [one for one in found if isinstance(one, Reject)]
    assert {one.reason for one in rejects} <= {Reason.ROW}
    return rows, rejects


@given(
    st.lists(st.tuples(*[st.text(st.characters(exclude_characters="\0", codec="utf-8"))] * 2)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
@any_file
def test_what_the_standard_library_writes_is_read_back(tmp_path, cells, ending, mark):
    text = io.StringIO(newline="")
    # Minimal quoting would leave a lone carriage return bare, which no reader takes.
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["number", *COLUMNS])
    writer.writerows([number, *row] for number, row in enumerate(cells))
    path = write(tmp_path, (mark + text.getvalue()).encode())
    rows, rejects = split(csv_rows(path, COLUMNS))
    assert [(row["file"], row["caption"]) for _, row in rows] == cells
    assert rejects == []


@given(st.lists(st.sampled_from(list(LINES)), max_size=12))
@any_file
def test_every_bad_line_is_one_reject_and_every_good_one_a_row(tmp_path, lines):
    path = write(tmp_path, HEADER + b"".join(lines))
    found = list(csv_rows(path, COLUMNS))
    assert len(found) == len(lines)
    for number, (line, one) in enumerate(zip(lines, found, strict=True), start=2):
        fault = LINES[line]
        if fault is None:
            assert one[0] == f"list.csv:{number}"
            assert one[1]["file"] == line.split(b",")[0].strip(b'"').decode()
        else:
            assert one.key == f"list.csv:{number}"
            assert fault in one.detail


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "latin-1", "cp1252", "shift_jis"]))
@any_file
def test_no_bytes_keep_the_row_after_them_from_being_read(tmp_path, noise, encoding):
    # Its quote is followed by a letter, so that no open quote before it can take it for its end.
    path = write(tmp_path, HEADER + noise + b'\nend.wav,"rain"\n')
    found = list(csv_rows(path, COLUMNS, encoding=encoding))
    assert found[-1][1] == {"file": "end.wav", "caption": "rain"}


@given(st.binary(max_size=200))
@any_file
def test_no_bytes_keep_the_object_after_them_from_being_read(tmp_path, noise):
    path = write(tmp_path, b'{"n": 1}\n' + noise + b'\n{"n": 2}\n', "list.jsonl")
    rows, rejects = split(json_rows(path))
    assert [rows[0][1], rows[-1][1]] == [{"n": 1}, {"n": 2}]
    filled = [line for line in noise.split(b"\n") if line.strip()]
    assert len(rows) - 2 + len(rejects) == len(filled)


@given(
    st.lists(
        st.dictionaries(
            st.text(st.characters(exclude_characters="\0", codec="utf-8")),
            st.text(st.characters(exclude_characters="\0", codec="utf-8")) | st.integers(),
        )
    ),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
@any_file
def test_objects_that_json_writes_are_read_back(tmp_path, objects, ascii_only, mark):
    lines = [json.dumps(one, ensure_ascii=ascii_only).encode() for one in objects]
    path = write(tmp_path, mark + b"\r\n".join(lines), "list.jsonl")
    rows, rejects = split(json_rows(path))
    assert [row for _, row in rows] == objects
    assert rejects == []


def test_a_cell_may_hold_line_breaks_and_the_place_is_where_it_began(tmp_path):
    path = write(tmp_path, HEADER + b'1.wav,"rain\n\nthen wind"\n2.wav,hail\n')
    assert list(csv_rows(path, COLUMNS)) == [
        ("list.csv:2", {"file": "1.wav", "caption": "rain\n\nthen wind"}),
        ("list.csv:5", {"file": "2.wav", "caption": "hail"}),
    ]


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path):
    rest = b"".join(b"%d.wav,rain\n" % number for number in range(3 * MOST_LINES))
    rows, rejects = split(csv_rows(write(tmp_path, HEADER + b'x.wav,"open\n' + rest), COLUMNS))
    assert len(rows) == 3 * MOST_LINES
    assert [one.key for one in rejects] == ["list.csv:2"]
    assert "the lines after it are read anew" in rejects[0].detail


@pytest.mark.parametrize(("breaks", "rejected"), [(MOST_LINES - 1, 0), (MOST_LINES, 1)])
def test_a_row_may_have_so_many_lines(tmp_path, breaks, rejected):
    cell = b'1.wav,"rain' + b"\nrain" * breaks + b'"\n'
    rows, rejects = split(csv_rows(write(tmp_path, HEADER + cell + b"2.wav,hail\n"), COLUMNS))
    assert rows[-1][1] == {"file": "2.wav", "caption": "hail"}
    assert len(rows) == 2 - rejected
    # Its other lines are then rows of one cell.
    assert len(rejects) == rejected * (breaks + 1)


def test_bad_text_in_one_line_of_a_row_rejects_the_row_once(tmp_path):
    path = write(tmp_path, HEADER + b'1.wav,"rain\ncaf\xe9"\n2.wav,hail\n')
    rows, rejects = split(csv_rows(path, COLUMNS))
    assert [one.key for one in rejects] == ["list.csv:2"]
    assert [row["file"] for _, row in rows] == ["2.wav"]


def test_blank_lines_and_the_empty_rows_of_spreadsheets_are_no_rows(tmp_path):
    path = write(tmp_path, b"\n" + HEADER + b"\n   \n,\n1.wav,rain\n, \r\n")
    assert [place for place, _ in csv_rows(path, COLUMNS)] == ["list.csv:6"]


def test_a_latin_1_file_is_read_when_it_is_said_to_be_one(tmp_path):
    path = write(tmp_path, HEADER + "1.wav,café\n".encode("latin-1"))
    assert next(csv_rows(path, COLUMNS, encoding="latin-1"))[1]["caption"] == "café"
    assert next(csv_rows(path, COLUMNS)).reason is Reason.ROW


def test_a_header_may_be_given_where_the_file_has_none(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbf1.wav,rain\n")
    assert list(csv_rows(path, COLUMNS, header=COLUMNS)) == [
        ("list.csv:1", {"file": "1.wav", "caption": "rain"})
    ]


def test_a_quoted_header_after_a_byte_order_mark_is_read(tmp_path):
    path = write(tmp_path, b'\xef\xbb\xbf"file"," caption "\r\n1.wav,rain\r\n')
    assert next(csv_rows(path, COLUMNS))[1] == {"file": "1.wav", "caption": "rain"}


def test_columns_without_a_name_are_nobodys(tmp_path):
    path = write(tmp_path, b"file,caption,,\n1.wav,rain,,\n")
    assert next(csv_rows(path, COLUMNS))[1]["caption"] == "rain"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"file,text\n1.wav,rain\n", "has no column 'caption', its columns are file, text"),
        (b"file,caption,caption\n", "has two columns 'caption': rename one"),
        (b"file,caption,fold,fold\n", "has two columns 'fold'"),
        (b"file,capti\xf6n\n", "line 1 of .* is not valid utf-8: save the file as UTF-8"),
        (b"fi\0le,caption\n", "holds a NUL"),
        (b'file,"caption\n', "a quote that opens in it is not closed"),
        (b"file," + b"x" * LONGEST_LINE, "is longer than"),
        (b"\x1f\x8b\x08\x00\x9c\xff\n", "should name the columns in utf-8, but it holds a NUL"),
        ("file,caption\n".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("\ufefffile,caption\n".encode("utf-16-be"), "is UTF-16 text"),
    ],
)
def test_a_header_that_cannot_serve_is_refused_in_a_sentence_that_can_be_printed(
    tmp_path, content, match
):
    with pytest.raises(InputError, match=match) as raised:
        next(csv_rows(write(tmp_path, content), COLUMNS))
    str(raised.value).encode()


@pytest.mark.parametrize("rows", [lambda path: csv_rows(path, COLUMNS), json_rows])
def test_a_list_that_is_no_file_is_refused(tmp_path, rows):
    with pytest.raises(InputError, match=r"cannot read .*list.csv: No such file"):
        next(rows(tmp_path / "list.csv"))
    with pytest.raises(InputError, match="is not a regular file"):
        next(rows(tmp_path))


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (b'{"caption": "caf\xe9"}', "can't decode byte 0xe9"),
        (b'{"caption": "rain"', "not JSON"),
        (b'{"caption": "\\ud800"}', "surrogates not allowed"),
        (b'{"caption": "a\\u0000b"}', "a NUL"),
        (b'{"caption": "a\0b"}', "Invalid control character"),
        (b'["rain"]', "no JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"n": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"caption": "' + b"x" * LONGEST_LINE + b'"}', "longer than"),
    ],
)
def test_a_bad_line_of_json_is_one_reject(tmp_path, line, match):
    content = b'{"n": 1}\n' + line + b'\n{"n": 2}\n'
    rows, rejects = split(json_rows(write(tmp_path, content, "list.jsonl")))
    assert [row for _, row in rows] == [{"n": 1}, {"n": 2}]
    assert [one.key for one in rejects] == ["list.jsonl:2"]
    assert match in rejects[0].detail


def test_a_backslash_before_u0000_is_text(tmp_path):
    path = write(tmp_path, b'{"caption": "\\\\u0000 \\u00e9"}\n', "list.jsonl")
    assert next(json_rows(path))[1] == {"caption": "\\u0000 é"}


@pytest.mark.parametrize("start", ["[", "{"])
def test_one_json_value_over_many_lines_is_refused(tmp_path, start):
    path = write(tmp_path, f"{start}\n".encode(), "list.json")
    with pytest.raises(InputError, match="expected one object a line"):
        next(json_rows(path))


def test_a_line_of_ten_megabytes_is_one_reject_and_never_whole_in_memory(tmp_path):
    long = b"x" * (10 << 20)
    listed = write(tmp_path, HEADER + b"1.wav," + long + b"\n2.wav,rain\n")
    objects = write(tmp_path, b'{"caption": "' + long + b'"}\n{"n": 2}\n', "list.jsonl")
    del long
    tracemalloc.start()
    for found in (csv_rows(listed, COLUMNS), json_rows(objects)):
        reject, row = found
        assert reject.detail.endswith("longer than 1048576 bytes")
        assert row[0].endswith((":3", ":2"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * LONGEST_LINE


def test_a_cell_longer_than_the_csv_modules_own_limit_is_read(tmp_path):
    path = write(tmp_path, HEADER + b"1.wav," + b"x" * 200_000 + b"\n")
    assert len(next(csv_rows(path, COLUMNS))[1]["caption"]) == 200_000


COUNT = """
import sys
from pathlib import Path
from auffusion.data.tables import csv_rows, json_rows

def peak_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

rows = csv_rows(Path(sys.argv[1]), ["file"])
for _ in range(1000):
    next(rows)
before = peak_kb()
print(1000 + sum(1 for _ in rows), peak_kb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_million_rows_need_no_more_memory_than_a_thousand(tmp_path):
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.write(HEADER)
        file.writelines(b'%d.wav,"rain, take %d"\n' % (n, n) for n in range(1_000_000))
    done = subprocess.run(
        [sys.executable, "-c", COUNT, path], capture_output=True, text=True, check=True
    )
    rows, grown_kb = map(int, done.stdout.split())
    assert rows == 1_000_000
    assert grown_kb < 4_096
