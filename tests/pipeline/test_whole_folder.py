import errno
from pathlib import Path

import pytest

from auffusion.errors import InputError
from auffusion.pipeline.whole_folder import whole_folder


def test_it_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "model"
    with whole_folder(target) as folder:
        (folder / "part").mkdir()
        (folder / "part" / "file").write_text("text")
        assert not target.exists()
    assert (target / "part" / "file").read_text() == "text"
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_after_an_error_nothing_is_left(tmp_path):
    def interrupted():
        with whole_folder(tmp_path / "model") as folder:
            (folder / "file").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "model").mkdir()
    with whole_folder(tmp_path / "model") as folder:
        (folder / "file").write_text("text")
    assert (tmp_path / "model" / "file").exists()


@pytest.mark.parametrize("make", [Path.touch, lambda p: p.symlink_to("nowhere")])
def test_whatever_is_there_stays(tmp_path, make):
    make(tmp_path / "model")
    with pytest.raises(InputError, match="exists already"), whole_folder(tmp_path / "model"):
        pytest.fail("was entered")


def test_a_full_disk_is_said_in_one_sentence(tmp_path):
    with (
        pytest.raises(InputError, match=r"cannot be written .*No space left"),
        whole_folder(tmp_path / "model"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
