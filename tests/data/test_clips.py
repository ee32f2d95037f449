import pytest

from auffusion.data.clips import read_clips, write_clips
from auffusion.errors import InputError


def test_a_manifest_comes_back_as_it_was_written(tmp_path, clip):
    clips = [clip(id="1", captions=["a goose", "eine Gans, größer"]), clip(id="2", part=3)]
    write_clips(tmp_path, clips)
    assert read_clips(tmp_path) == clips
    assert "größer" in (tmp_path / "manifest.jsonl").read_text(encoding="utf-8")


def test_a_folder_without_a_manifest_is_no_library(tmp_path):
    with pytest.raises(InputError, match=r"holds no manifest\.jsonl: prepare the sound library"):
        read_clips(tmp_path)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', '{"surprise": 1}', "7"])
def test_a_line_that_is_no_clip_is_told_by_its_number(tmp_path, clip, line):
    write_clips(tmp_path, [clip()])
    with (tmp_path / "manifest.jsonl").open("a") as manifest:
        manifest.write(line + "\n")
    with pytest.raises(InputError, match=r"line 2 of .*manifest\.jsonl describes no clip"):
        read_clips(tmp_path)
