import json

import pytest

from auffusion.data.clips import clip_of, clip_row, json_lines, read_clips
from auffusion.errors import InputError


def write_manifest(folder, clips):
    (folder / "manifest.jsonl").write_bytes(json_lines(clip_row(clip) for clip in clips))


def test_a_manifest_comes_back_as_it_was_written(tmp_path, clip):
    clips = [clip(captions=("a goose", "eine Gans, größer")), clip(id="2", part=3, offset=512)]
    write_manifest(tmp_path, clips)
    assert read_clips(tmp_path) == clips
    assert "größer" in (tmp_path / "manifest.jsonl").read_text(encoding="utf-8")


def test_what_says_nothing_is_left_out_of_a_line(clip):
    row = clip_row(clip(labels=(), source=""))
    assert row.keys() == {"id", "dataset", "path", "captions", "split", "seconds", "license"} | {
        "start_s"
    }


def test_fields_of_a_later_version_are_passed_over(clip):
    row = clip_row(clip())
    assert clip_of({**row, "mood": "merry"}) == clip_of(json.loads(json.dumps(row)))


def test_a_folder_without_a_manifest_is_no_data_set(tmp_path):
    with pytest.raises(InputError, match=r"holds no manifest\.jsonl: prepare the data set"):
        read_clips(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', '{"surprise": 1}', "7"])
def test_a_line_that_is_no_clip_is_told_by_its_number(tmp_path, clip, line):
    write_manifest(tmp_path, [clip()])
    with (tmp_path / "manifest.jsonl").open("a") as manifest:
        manifest.write(line + "\n")
    with pytest.raises(InputError, match=r"line 2 of .*manifest\.jsonl describes no clip"):
        read_clips(tmp_path)
