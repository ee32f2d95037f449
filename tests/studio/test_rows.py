import csv
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.errors import InputError
from auffusion.studio.rows import Row, read_rows

PLAIN = [Row(prompt="a dog barking"), Row(prompt="rain, on a roof"), Row(prompt="犬が吠える")]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_all_three_kinds_of_list_say_the_same(tmp_path, start, end):
    texts = {
        "a.txt": ["a dog barking", "", "  rain, on a roof ", "犬が吠える", ""],
        "a.csv": ["id,prompt", "1,a dog barking", '2,"rain, on a roof"', ",", "3,犬が吠える", ""],
        "a.jsonl": [json.dumps({"prompt": row.prompt}) for row in PLAIN] + ["", ""],
    }
    for name, lines in texts.items():
        assert read_rows(write(tmp_path, name, start + end.join(lines))) == PLAIN


def test_a_row_may_have_settings_of_its_own(tmp_path):
    want = [
        Row(prompt="rain", negative="wind", seed=7, length_s=2.5, name="first"),
        Row(prompt="hail"),
    ]
    columns = "text,negative,seed,length,audio_path,split"
    table = f"{columns}\nrain,wind,7,2.5,clips/first.wav,test\nhail,,,,,test\n"
    assert read_rows(write(tmp_path, "a.csv", table)) == want
    row = {"text": "rain", "negative": "wind", "seed": 7, "length": 2.5, "file_name": "first.flac"}
    lines = [json.dumps(row), json.dumps({"caption": "hail", "seed": None})]
    assert read_rows(write(tmp_path, "a.jsonl", "\n".join(lines))) == want


def test_a_line_of_json_may_hold_any_line_separator_of_unicode(tmp_path):
    line = json.dumps({"prompt": "a\u2028b\u0085c"}, ensure_ascii=False)
    assert read_rows(write(tmp_path, "a.jsonl", line)) == [Row(prompt="a\u2028b\u0085c")]


def test_a_quoted_cell_may_hold_a_line_break(tmp_path):
    assert read_rows(write(tmp_path, "a.csv", 'prompt\n"a\nb"\n')) == [Row(prompt="a\nb")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    prompts=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\r")).filter(str.strip),
        min_size=1,
        max_size=5,
    )
)
def test_what_the_csv_module_writes_is_read(tmp_path, prompts):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["prompt"], *([prompt] for prompt in prompts)])
    assert [row.prompt for row in read_rows(path)] == [prompt.strip() for prompt in prompts]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xml", "rain", r"a\.xml: its name must end in \.txt or \.csv or \.jsonl"),
        ("a.txt", "\n \n", "holds no prompt"),
        ("a.csv", "prompt\n", "holds no prompt"),
        ("a.txt", b"caf\xe9", r"is not UTF-8 text \(byte 3\)"),
        ("a.csv", "sound\nrain\n", "line 2 of .* has no text in a column prompt or caption or"),
        ("a.csv", 'prompt\n"rain\n', "is not CSV"),
        ("a.csv", "prompt,seed\nrain,x\n", "line 2 of .* has 'x' for seed, expected a number"),
        ("a.csv", "prompt,seed\nrain,1.5\n", "expected a whole number"),
        ("a.csv", "prompt,length\nrain,nan\n", "has 'nan' for length"),
        ("a.csv", "prompt,name\nrain,..\n", "expected a plain file name"),
        ("a.jsonl", '{"prompt": "rain"}\n{"prompt": \n', "line 2 of .* is not JSON"),
        ("a.jsonl", '["rain"]', "line 1 of .* is no JSON object"),
        ("a.jsonl", '{"prompt": 7}', "has no text in a column"),
        ("a.jsonl", "[" * 100_000, "is not JSON"),
        ("a.jsonl", '{"prompt": "rain", "seed": [1]}', r"has \[1\] for seed"),
    ],
)
def test_a_bad_list_is_refused_with_its_place(tmp_path, name, content, sentence):
    with pytest.raises(InputError, match=sentence):
        read_rows(write(tmp_path, name, content))


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match="No such file"):
        read_rows(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="Is a directory"):
        read_rows(tmp_path / "folder.txt")


def test_no_list_chooses_a_folder(tmp_path):
    for path in ["../../etc/passwd", "/etc/passwd", "C:\\windows\\passwd.wav"]:
        line = json.dumps({"prompt": "rain", "name": path})
        assert read_rows(write(tmp_path, "a.jsonl", line))[0].name == "passwd"
