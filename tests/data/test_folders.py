import os
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auffusion.data.folders import inside, sound_files, sound_index
from auffusion.data.listing import Reason, Reject


@pytest.fixture
def folder(tmp_path):
    """A folder of a few sounds (no matter what is in them), and a secret beside it."""
    (tmp_path / "secret.wav").touch()
    root = tmp_path / "set"
    for name in ("b/2.wav", "b/1.FLAC", "a.ogg", "b/notes.txt", ".hidden.wav", "__MACOSX/._a.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "./", "/", "..", "../secret.wav", "b/../../secret.wav", "b\\..\\..\\secret.wav"),
        *("/etc/passwd", "\\\\server\\a.wav", "C:\\a.wav", "C:a.wav", "c:/a.wav"),
        *("http://x.org/a.wav", "file:///a.wav", "s3://x/a.wav", "a\0.wav", "\ud800.wav"),
        *("x" * 256 + ".wav", "/".join(["x" * 200] * 30)),
    ],
)
def test_a_name_that_is_no_path_in_the_folder_is_refused(folder, name):
    assert inside(folder, name) is None


@pytest.mark.parametrize("name", ["b/2.wav", "b\\2.wav", "./b//2.wav", "b/./2.wav"])
def test_a_path_may_be_written_in_several_ways(folder, name):
    assert inside(folder, name) == folder / "b/2.wav"


@pytest.mark.parametrize("name", ["none.wav", "a.ogg/none.wav", "né:1.wav", "~/a.wav", "%2e%2e/a"])
def test_a_path_to_nothing_is_a_path_that_may_be_asked_after(folder, name):
    assert not inside(folder, name).is_file()


def test_links_may_lead_about_in_the_folder_but_not_out_of_it(folder):
    (folder / "in.wav").symlink_to(folder / "b/2.wav")
    (folder / "out.wav").symlink_to(folder.parent / "secret.wav")
    (folder / "up").symlink_to(folder.parent)
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    assert inside(folder, "in.wav") is not None
    assert inside(folder, "out.wav") is None
    assert inside(folder, "up/secret.wav") is None
    looped = inside(folder, "loop.wav")  # newer Pythons resolve a loop, older ones do not
    assert looped is None or not looped.is_file()
    assert inside(folder, "out.wav", root=folder.parent) == folder / "out.wav"


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_name_what_is_found_is_below_the_folder(folder, name):
    found = inside(folder, name)
    if found is not None:
        assert found.resolve().is_relative_to(folder.resolve())
        assert found.is_file() in {True, False}  # no name makes the question fail


def test_sounds_are_listed_in_order_of_their_names_and_hidden_ones_are_not(folder):
    assert list(sound_files(folder)) == ["a.ogg", "b/1.FLAC", "b/2.wav"]
    assert list(sound_files(folder / "none")) == []
    assert sound_index(folder) == {"a": "a.ogg", "1": "b/1.FLAC", "2": "b/2.wav"}


def test_of_two_sounds_of_one_key_the_first_by_path_stands(folder):
    (folder / "b/a.wav").touch()
    (folder / "0").mkdir()
    (folder / "0/2.wav").touch()
    assert sound_index(folder)["a"] == "a.ogg"
    assert sound_index(folder)["2"] == "0/2.wav"
    assert sound_index(folder, PurePosixPath.as_posix)["b/2.wav"] == "b/2.wav"


def test_links_out_of_the_folder_and_into_nothing_are_told(folder):
    (folder / "dead.wav").symlink_to(folder / "none.wav")
    (folder / "out.wav").symlink_to(folder.parent / "secret.wav")
    (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    (folder / "same").symlink_to(folder / "b", target_is_directory=True)
    found = list(sound_files(folder))
    told = [(one.key, one.reason) for one in found if isinstance(one, Reject)]
    assert told == [
        ("up", Reason.PATH),
        ("dead.wav", Reason.MISSING),
        ("out.wav", Reason.PATH),
    ]
    assert [one for one in found if isinstance(one, str)] == ["a.ogg", "b/1.FLAC", "b/2.wav"]
    assert set(sound_index(folder)) == {"a", "1", "2"}
    assert "out.wav" in list(sound_files(folder, root=folder.parent))


def test_a_name_that_is_no_utf_8_is_told_in_words_that_can_be_written(folder):
    try:
        open(os.fsencode(folder) + b"/caf\xe9.wav", "wb").close()  # noqa: PTH123
    except OSError:
        pytest.skip("this file system keeps names as UTF-8")
    (reject,) = [one for one in sound_files(folder) if isinstance(one, Reject)]
    assert reject.reason is Reason.PATH
    assert reject.detail.encode() == rb"caf\xe9.wav has a name that is not UTF-8: rename it"
