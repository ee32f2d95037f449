import shutil
import subprocess
import zipfile

import pytest

from auffusion.data.fetching.split_zip import unpack_zip
from auffusion.errors import InputError

needs_zip = pytest.mark.skipif(
    shutil.which("zip") is None, reason="only Info-ZIP makes a split archive"
)


@pytest.fixture
def split(tmp_path):
    """Three parts that hold one folder of sounds, none of them in more than two parts."""
    from imitations import write_sound

    for name in ("crow", "door", "till", "bell"):
        write_sound(tmp_path / f"in/sounds/{name}.wav", name, 1.5)
    words = ["zip", "-q", "-r", "-0", "-s", "64k", "../all.zip", "."]
    subprocess.run(words, cwd=tmp_path / "in", check=True)
    assert sorted(path.name for path in tmp_path.glob("all.z*")) == [
        "all.z01",
        "all.z02",
        "all.zip",
    ]
    return tmp_path / "all.zip"


@needs_zip
def test_the_parts_of_a_split_archive_become_one(split, tmp_path):
    unpack_zip(split, tmp_path / "out")
    for path in (tmp_path / "in/sounds").iterdir():
        assert (tmp_path / "out/sounds" / path.name).read_bytes() == path.read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sounds"]
    # What is there is kept, and the parts are not needed for that.
    split.unlink()
    unpack_zip(split, tmp_path / "out")


@needs_zip
def test_a_part_that_is_not_there_leaves_nothing_behind(split, tmp_path):
    split.with_suffix(".z02").unlink()
    with pytest.raises(
        InputError, match=r"all\.z02, a part of all\.zip, is not there: fetch it again"
    ):
        unpack_zip(split, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@needs_zip
def test_what_info_zip_loses_is_told(tmp_path, monkeypatch):
    from imitations import write_sound

    write_sound(tmp_path / "in/long.wav", "crow", 12)
    words = ["zip", "-q", "-r", "-0", "-s", "64k", "../all.zip", "."]
    subprocess.run(words, cwd=tmp_path / "in", check=True)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/zip").symlink_to(shutil.which("zip"))
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    with pytest.raises(InputError, match=r"all\.zip is damaged, or zip did not join .*install 7z"):
        unpack_zip(tmp_path / "all.zip", tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@needs_zip
def test_without_a_tool_the_command_is_told(split, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"needs 7z or zip: .* unpack it with 7z x /.*all\.zip"):
        unpack_zip(split, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("name", ["../out.wav", "/etc/out.wav", "a/../../out.wav"])
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr(name, b"x")
    with pytest.raises(InputError, match="leads out of its folder"):
        unpack_zip(tmp_path / "all.zip", tmp_path / "deep/out")
    assert not list(tmp_path.rglob("out*"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip" * 100])
def test_a_damaged_archive_is_refused(tmp_path, content):
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"all\.zip is damaged"):
        unpack_zip(tmp_path / "all.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]


def test_an_archive_with_a_wrong_checksum_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.writestr("sound.wav", b"abcdefgh")
    spoilt = (tmp_path / "all.zip").read_bytes().replace(b"abcdefgh", b"abcdefgx")
    (tmp_path / "all.zip").write_bytes(spoilt)
    with pytest.raises(InputError, match=r"damaged \(Bad CRC-32"):
        unpack_zip(tmp_path / "all.zip", tmp_path / "out")
